-- What OCS measured of each attempt of this run; absent is null, not zero.
with

attempts as (

    select
        ocs_id,
        chain_guid,
        attempt_guid
    from {{ ref('int_attempts') }}
    where not is_synthetic_guid

),

attempt_calls as (

    select
        ocs_id,
        chain_guid,
        attempt_guid,
        call_guid
    from {{ ref('int_attempt_calls') }}
    where is_dialed_call

),

metrics as (

    select * from {{ ref('stg_metric') }}

),

kinds as (

    select * from {{ ref('enum_metric') }}
    where not is_periodic

),

by_attempt as (

    select
        attempts.ocs_id,
        attempts.chain_guid,
        attempts.attempt_guid,
        metrics.metric,
        metrics.value,
        metrics.event_ts
    from attempts
    inner join metrics
        on
            attempts.attempt_guid = metrics.call_attempt_guid
            and attempts.ocs_id = metrics.ocs_id
    where metrics.call_attempt_guid is not null

),

by_call as (

    select
        attempt_calls.ocs_id,
        attempt_calls.chain_guid,
        attempt_calls.attempt_guid,
        metrics.metric,
        metrics.value,
        metrics.event_ts
    from attempt_calls
    inner join metrics
        on
            attempt_calls.call_guid = metrics.call_guid
            and attempt_calls.ocs_id = metrics.ocs_id
    where metrics.call_attempt_guid is null and metrics.call_guid is not null

),

told as (

    select * from by_attempt
    union all
    select * from by_call

),

-- One attempt may place several calls: the times are those of the last.
final as (

    select
        told.ocs_id,
        told.chain_guid,
        told.attempt_guid,
        {{ pick('told.value', 'told.event_ts desc, told.value', 'kinds.is_dial_time') }}
            as dial_time_ms,
        {{ pick('told.value', 'told.event_ts desc, told.value', 'kinds.is_cpd_time') }}
            as cpd_time_ms,
        {{ pick('told.value', 'told.event_ts desc, told.value', 'kinds.is_transfer_time') }}
            as transfer_time_ms,
        bool_or(kinds.is_overdial) as is_overdialed
    from told
    inner join kinds on told.metric = kinds.metric
    group by told.ocs_id, told.chain_guid, told.attempt_guid

)

select * from final
