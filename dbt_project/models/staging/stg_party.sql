-- Parties of calls as they last were.
with

source as (

    select * from {{ source('idb', 'g_party') }}

),

renamed as (

    select
        partyid::text as party_guid,
        callid::text as call_guid,
        prole as party_role,
        agentid as agent_id,
        {{ utc('created') }} as created_ts,
        {{ utc('terminated') }} as ended_ts
    from source

)

select * from renamed
