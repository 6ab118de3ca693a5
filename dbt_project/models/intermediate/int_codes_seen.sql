-- Every code and number that a dimension must have a row for, whether or not anyone named it.
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        unlogged=false,
        indexes=[{'columns': ['dimension', 'code'], 'unique': true}],
    )
}}
with

attempts as (

    select * from {{ ref('int_attempts') }}

),

chains as (

    select * from {{ ref('int_chains') }}

),

sessions as (

    select * from {{ ref('int_campaign_sessions') }}

),

intervals as (

    select * from {{ ref('int_party_intervals') }}

),

told as (

    select
        values_told.dimension,
        values_told.code
    from attempts
    cross join
        lateral (
            values
            ('call_result', attempts.cpd_result),
            ('call_result', attempts.agent_result),
            ('dialing_mode', attempts.dialing_mode),
            ('record_type', attempts.record_type),
            ('record_type', attempts.record_type_after),
            ('record_status', attempts.record_status),
            ('record_status', attempts.record_status_after),
            ('contact_info_type', attempts.contact_info_type),
            ('disposition', attempts.cause & 65535),
            ('agent', attempts.record_agent_id)
        ) as values_told (dimension, code)

    union all

    select
        values_told.dimension,
        values_told.code
    from chains
    cross join
        lateral (
            values
            ('campaign', chains.campaign_id),
            ('group', chains.group_id),
            ('calling_list', chains.calling_list_id),
            ('disposition', chains.cause & 65535)
        ) as values_told (dimension, code)

    union all

    select
        values_told.dimension,
        values_told.code
    from sessions
    cross join
        lateral (
            values
            ('campaign', sessions.campaign_id),
            ('group', sessions.group_id),
            ('dialing_mode', sessions.dialing_mode),
            ('optimization_mode', sessions.optimization_mode)
        ) as values_told (dimension, code)

    union all

    select
        'agent',
        agent_id
    from intervals

),

seen as (

    select distinct
        dimension,
        code
    from told
    where code is not null

),

final as (

    select seen.*
    from seen
    {%- if is_incremental() %}
        where
            not exists (
                select 1 from {{ this }} as before
                where before.dimension = seen.dimension and before.code = seen.code
            )
    {%- endif %}

)

select * from final
