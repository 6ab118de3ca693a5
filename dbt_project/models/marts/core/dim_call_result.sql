-- The seed, and a row for each code that came and is not in it.
with

known as (

    select * from {{ ref('enum_call_result') }}

),

seen as (

    select code from {{ ref('int_codes_seen') }}
    where dimension = 'call_result'

),

strange as (

    select seen.code
    from seen
    where not exists (select 1 from known where known.code = seen.code)

),

final as (

    select
        code as call_result_key,
        name as call_result_name,
        class,
        is_answered,
        is_human,
        is_right_party,
        is_machine,
        is_sit,
        sit_kind,
        is_invalid_number,
        is_connect_failure,
        is_agent_only,
        is_dialed,
        is_final,
        reg_f_counts,
        is_abandoned,
        is_dropped,
        is_callback_missed,
        true as is_known,
        source_doc,
        effective_from,
        effective_to
    from known

    union all

    select
        code,
        'Code ' || code,
        'unknown',
        false,
        false,
        false,
        false,
        false,
        null,
        false,
        false,
        false,
        true,
        false,
        true,
        false,
        false,
        false,
        false,
        'seen in the data',
        null,
        null
    from strange

)

select * from final
