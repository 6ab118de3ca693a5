-- What OCS measured itself, one row a measurement.
with

source as (

    select * from {{ source('idb', 'go_metrics') }}

),

renamed as (

    select
        ocsid as ocs_id,
        metric::text as metric,
        value,
        campaignid as campaign_id,
        groupid as group_id,
        callinglistid as calling_list_id,
        callattid::text as call_attempt_guid,
        callid::text as call_guid,
        -- As stored: the index on the table knows this form only.
        added as event_gmt,
        {{ utc('added') }} as event_ts
    from source

)

select * from renamed
