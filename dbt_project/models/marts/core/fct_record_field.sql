{{ config(materialized='view') }}
-- A view, so that a field renamed in the configuration is renamed in every day.
with

fields as (

    select * from {{ ref('int_record_fields') }}

),

-- Straight from the source: a view over a view that each run makes anew would go with it.
names as (

    select
        id as field_id,
        name::text as field_name
    from {{ source('idb', 'gc_field') }}

),

final as (

    select
        fields.ocs_id,
        fields.chain_guid,
        fields.record_handle,
        fields.field_id,
        coalesce(names.field_name, 'field ' || fields.field_id) as field_name,
        fields.value,
        fields.is_cut,
        fields.final_day,
        fields.is_open,
        fields.campaign_id,
        fields.calling_list_id,
        fields.loaded_ts,
        fields.last_changed_ts,
        fields.last_chain_seq as source_max_seq,
        fields.built_at,
        fields.run_id
    from fields
    left join names on fields.field_id = names.field_id

)

select * from final
