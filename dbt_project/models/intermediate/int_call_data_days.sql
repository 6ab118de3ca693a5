-- Where call data of an OCS is stored at all: days on which a chain ended that a call is known of.
-- Only there does the absence of a call mean that none was made.
with

attempt_calls as (

    select * from {{ ref('int_attempt_calls') }}

),

final as (

    select distinct
        ocs_id,
        -- Open chains stand together, on a day of their own.
        coalesce(final_day, 'infinity') as ended_on
    from attempt_calls

)

select * from final
