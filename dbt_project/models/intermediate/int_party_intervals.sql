-- Each stay of a party in one state, for the calls that belong to attempts of this run.
with

attempt_calls as (

    select distinct call_guid from {{ ref('int_attempt_calls') }}

),

notices as (

    select * from {{ ref('stg_party_notice') }}

),

roles as (

    select * from {{ ref('enum_party_role') }}

),

states as (

    select * from {{ ref('enum_party_state') }}

),

in_scope as (

    select notices.*
    from notices
    inner join attempt_calls on notices.call_guid = attempt_calls.call_guid

),

-- Role and agent may be told by any notice of the party.
described as (

    select
        *,
        lead(event_ts) over party_order as left_ts,
        max(party_role) over party as known_role,
        max(agent_id) over party as known_agent_id
    from in_scope
    window
        party as (partition by party_guid),
        party_order as (partition by party_guid order by pseq)

),

final as (

    select
        described.call_guid,
        described.party_guid,
        described.pseq,
        described.known_agent_id as agent_id,
        coalesce(roles.is_customer, false) as is_customer,
        coalesce(roles.is_ivr, false) as is_ivr,
        -- An agent may log in at a place whose role is not told.
        coalesce(roles.is_agent, false)
        or (
            described.known_agent_id is not null
            and not coalesce(roles.is_customer or roles.is_ivr, false)
        ) as is_agent,
        coalesce(states.is_dialing, false) as is_dialing,
        coalesce(states.is_ringing, false) as is_ringing,
        coalesce(states.is_connected, false) as is_connected,
        coalesce(states.is_held, false) as is_held,
        coalesce(states.is_wrap, false) as is_wrap,
        coalesce(states.is_released, false) as is_released,
        described.event_ts as entered_ts,
        described.left_ts
    from described
    left join roles on described.known_role = roles.code
    left join states on described.state = states.code

)

select * from final
