{{ config(materialized='view') }}
-- What is wrong with the numbers of a list.
with

tried as (

    select * from {{ ref('int_list_quality') }}

),

records as (

    select * from {{ ref('fct_list_record') }}

),

counted as (

    select
        calling_list_id,
        contact_info_type_key,
        sum(attempts)::bigint as attempts,
        sum(dials)::bigint as dials,
        coalesce(sum(attempts) filter (where sit_kind is not null), 0)::bigint as sit,
        {%- for kind in [
            'detected', 'invalid_number', 'vacant', 'intercept', 'unknown', 'no_circuit', 'reorder'
        ] %}
            coalesce(sum(attempts) filter (where sit_kind = '{{ kind }}'), 0)::bigint
                as sit_{{ kind }},
        {%- endfor %}
        coalesce(sum(attempts) filter (where is_invalid_number), 0)::bigint as invalid,
        coalesce(sum(attempts) filter (where result_class = 'stale'), 0)::bigint as stale,
        max(data_through_ts) as data_through_ts,
        {{ completeness_of('true') }} as completeness
    from tried
    group by calling_list_id, contact_info_type_key

),

spread as (

    select
        contact_token,
        min(calling_list_id) <> max(calling_list_id) as is_in_several_lists
    from records
    where contact_token is not null
    group by contact_token

),

numbers as (

    select
        records.calling_list_id,
        records.contact_info_type_key,
        count(*) as records,
        count(*) filter (where records.dials > 0) as records_dialed,
        sum(records.dials)::bigint as record_dials,
        count(distinct records.contact_token) as distinct_numbers,
        count(distinct records.contact_token) filter (where spread.is_in_several_lists)
            as numbers_in_other_lists
    from records
    left join spread on records.contact_token = spread.contact_token
    group by records.calling_list_id, records.contact_info_type_key

),

final as (

    select
        counted.calling_list_id,
        counted.contact_info_type_key,
        coalesce(numbers.records, 0) as records_tried,
        coalesce(numbers.records_dialed, 0) as records_dialed,
        -- Of those that were dialled: the rest are penetration's business.
        (numbers.record_dials::numeric / nullif(numbers.records_dialed, 0))::numeric(12, 3)
            as dials_per_dialed_record,
        coalesce(numbers.distinct_numbers, 0) as distinct_numbers,
        coalesce(numbers.numbers_in_other_lists, 0) as numbers_in_other_lists,
        counted.attempts,
        counted.dials,
        counted.sit,
        counted.sit_detected,
        counted.sit_invalid_number,
        counted.sit_vacant,
        counted.sit_intercept,
        counted.sit_unknown,
        counted.sit_no_circuit,
        counted.sit_reorder,
        counted.invalid,
        counted.stale,
        {{ share('counted.sit', 'counted.attempts') }} as sit_ratio,
        {{ share('counted.invalid', 'counted.attempts') }} as invalid_share,
        {{ share('counted.stale', 'counted.attempts') }} as stale_share,
        {{ share('coalesce(numbers.numbers_in_other_lists, 0)', 'numbers.distinct_numbers') }}
            as duplicate_share,
        counted.data_through_ts,
        counted.completeness
    from counted
    left join numbers
        on
            counted.calling_list_id = numbers.calling_list_id
            and counted.contact_info_type_key = numbers.contact_info_type_key

)

select * from final
