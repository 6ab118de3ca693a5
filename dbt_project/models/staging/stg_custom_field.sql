-- The last value of each field that the site may show. Protected fields have no staging model.
with

ended as (

    select
        final_day,
        ocsid,
        chainguid,
        recordhandle,
        fieldid,
        value,
        valuecut,
        loaded,
        lastchanged,
        lastchainupdseq
    from {{ source('final', 'go_custom_fields') }}

),

open_ones as (

    select
        null::date as final_day,
        changes.ocsid,
        changes.chainguid,
        changes.recordhandle,
        changes.fieldid,
        changes.value,
        changes.valuecut,
        changes.loaded,
        changes.lastchanged,
        changes.lastchainupdseq
    from {{ source('idb', 'go_custom_fields') }} as changes
    inner join {{ source('ops', 'open_chain') }} as objects
        on
            changes.chainguid = objects.chainguid
            and changes.ocsid = objects.ocsid

),

combined as (

    select * from ended
    union all
    select * from open_ones

),

renamed as (

    select
        final_day,
        ocsid as ocs_id,
        chainguid::text as chain_guid,
        recordhandle as record_handle,
        fieldid as field_id,
        value::text as value,
        coalesce(valuecut, 0) > 0 as is_cut,
        lastchainupdseq as last_chain_seq,
        {{ utc('loaded') }} as loaded_ts,
        {{ utc('lastchanged') }} as last_changed_ts
    from combined

)

select * from renamed
