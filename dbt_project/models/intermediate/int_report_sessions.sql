-- The campaign sessions whose own row or whose attempts changed in this run.
-- depends_on: {{ ref('fct_contact_attempt') }}
-- depends_on: {{ ref('fct_campaign_session') }}
with

written as (

    select session_id from {{ ref('int_campaign_sessions') }}
    union
    select session_id from {{ ref('int_attempts') }}
    where session_id is not null

),

-- By name, for it is no model: pre-hooks of the two facts fill it.
taken_out as (

    select session_id from {{ touched('sessions') }}

),

final as (

    select session_id from written
    union
    select session_id from taken_out

)

select * from final
