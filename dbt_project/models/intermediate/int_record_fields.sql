-- Field values by number, kept by day of termination; `fct_record_field` adds the names.
{{
    config(
        materialized='incremental',
        unlogged=false,
        pre_hook="{{ delete_window('chain') }}",
        indexes=[
            {'columns': ['final_day']},
            {'columns': ['field_id', 'value']},
            {'columns': ['chain_guid']},
        ],
    )
}}
with

chains as (

    select * from {{ ref('int_chains') }}

),

fields as (

    select * from {{ ref('stg_custom_field') }}
    where {{ in_window('chain') }}

),

final as (

    select
        chains.final_day,
        chains.is_open,
        fields.ocs_id,
        fields.chain_guid,
        fields.record_handle,
        fields.field_id,
        fields.value,
        fields.is_cut,
        fields.last_chain_seq,
        fields.loaded_ts,
        fields.last_changed_ts,
        chains.campaign_id,
        chains.calling_list_id,
        {{ audit_columns() }}
    from fields
    inner join chains
        on
            fields.chain_guid = chains.chain_guid
            and fields.ocs_id = chains.ocs_id
            and fields.final_day is not distinct from chains.final_day

)

select * from final
