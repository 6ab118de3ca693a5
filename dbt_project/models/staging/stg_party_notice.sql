-- Every notice of a party. Its endpoint stays behind: that of an outside party is personal data.
with

source as (

    select * from {{ source('idb', 'g_party_history') }}

),

renamed as (

    select
        partyid::text as party_guid,
        pseq,
        callid::text as call_guid,
        prole as party_role,
        state,
        agentid as agent_id,
        {{ utc('added') }} as event_ts
    from source

)

select * from renamed
