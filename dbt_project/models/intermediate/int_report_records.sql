-- The list records of which an attempt was written or taken out in this run.
-- depends_on: {{ ref('fct_contact_attempt') }}
with

written as (

    select distinct
        calling_list_id,
        record_id
    from {{ ref('int_attempts') }}
    where calling_list_id is not null and record_id is not null

),

-- By name, for it is no model: the pre-hook of fct_contact_attempt fills it.
taken_out as (

    select
        calling_list_id,
        record_id
    from {{ touched('records') }}

),

final as (

    select * from written
    union
    select * from taken_out

)

select * from final
