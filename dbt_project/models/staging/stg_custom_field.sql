-- The last value of each field that the site may show. Protected fields have no staging model.
with

source as (

    {{ ended_and_open('chain', 'go_custom_fields', [
        'ocsid', 'chainguid', 'recordhandle', 'fieldid', 'value', 'valuecut', 'loaded',
        'lastchanged', 'lastchainupdseq',
    ]) }}

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
    from source

)

select * from renamed
