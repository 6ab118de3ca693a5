-- Attempts of the chains of this run, by what OCS alone told: no call data yet.
with

chains as (

    select * from {{ ref('int_chains') }}

),

notices as (

    select * from {{ ref('int_chain_notices') }}
    where attempt_guid is not null

),

record_notices as (

    select * from {{ ref('int_record_notices') }}

),

properties as (

    select * from {{ ref('stg_campaign_property') }}
    where dialing_mode is not null

),

releases as (

    select * from {{ ref('int_ocs_releases') }}

),

time_zones as (

    select * from {{ ref('int_time_zones') }}

),

cti_gap as (

    select * from {{ ref('stg_cti_gap') }}

),

starts as (

    select
        chain_guid,
        ocs_id,
        attempt_guid,
        min(seq) as seq
    from notices
    where enters_attempt
    group by chain_guid, ocs_id, attempt_guid

),

placed as (

    select
        notices.*,
        starts.seq as start_seq,
        -- A notice that names no attempt may end one, but says nothing of its results.
        not notices.is_unnamed or notices.is_synthetic as tells_result,
        not notices.is_processing
        and not notices.is_late_result
        and notices.seq > coalesce(starts.seq, 0) as leaves_processing
    from notices
    left join starts
        on
            notices.chain_guid = starts.chain_guid
            and notices.ocs_id = starts.ocs_id
            and notices.attempt_guid = starts.attempt_guid

),

-- An attempt begins when its chain enters Processing for it, and ends when the chain leaves.
attempts as (

    select
        chain_guid,
        ocs_id,
        attempt_guid,
        bool_or(is_synthetic) as is_synthetic_guid,
        start_seq,
        min(seq) as first_seq,
        max(seq) as last_seq,
        min(seq) filter (where leaves_processing) as end_seq,
        min(event_ts) filter (where seq = start_seq) as attempt_start_ts,
        {{ pick('event_ts', 'seq', 'leaves_processing') }} as attempt_end_ts,
        {{ pick('event_ts', 'seq') }} as first_event_ts,
        {{ pick('event_ts', 'seq desc') }} as last_event_ts,
        {{ pick('record_handle', 'seq', 'record_handle is not null') }} as record_handle,
        {{ pick('cause', 'seq desc', 'cause is not null') }} as cause,
        {{ pick('cpd_result', 'seq desc', 'tells_result and cpd_result is not null') }}
            as cpd_result,
        {{ pick('agent_result', 'seq desc', 'tells_result and agent_result is not null') }}
            as agent_result,
        {{ pick('event_ts', 'seq desc', 'tells_result and agent_result is not null') }}
            as agent_result_received_ts,
        max(seq) filter (where tells_result and agent_result is not null) as agent_result_seq
    from placed
    group by chain_guid, ocs_id, attempt_guid, start_seq

),

record_versions as (

    select
        *,
        lead(chain_seq, 1, 2147483647) over (
            partition by chain_guid, ocs_id, record_handle order by chain_seq
        ) as next_chain_seq
    from record_notices

),

in_order as (

    select
        *,
        lead(coalesce(start_seq, first_seq), 1, 2147483647) over (
            partition by chain_guid, ocs_id order by first_seq, attempt_guid
        ) as next_start_seq
    from attempts

),

mode_periods as (

    select
        session_id,
        dialing_mode,
        event_ts as from_ts,
        lead(event_ts) over session_order as till_ts,
        lag(event_ts) over session_order is null as is_first,
        previous_dialing_mode
    from properties
    window session_order as (partition by session_id order by event_ts, ocs_id, seq)

),

joined as (

    select
        chains.final_day,
        chains.is_open,
        chains.session_id,
        chains.campaign_id,
        chains.group_id,
        chains.calling_list_id,
        in_order.*,
        coalesce(in_order.attempt_start_ts, in_order.attempt_end_ts, in_order.first_event_ts)
            as anchor_ts,
        record_versions.record_id,
        record_versions.chain_id,
        record_versions.chain_n,
        record_versions.attempts_so_far,
        record_versions.contact_token,
        record_versions.contact_masked,
        record_versions.contact_info_type,
        record_versions.record_type,
        record_versions.record_status,
        record_versions.scheduled_wall_seconds,
        record_versions.daily_from_seconds,
        record_versions.daily_till_seconds,
        record_versions.agent_id as record_agent_id,
        versions_after.record_type as record_type_after,
        versions_after.record_status as record_status_after,
        time_zones.tz_name
    from in_order
    inner join chains
        on
            in_order.chain_guid = chains.chain_guid
            and in_order.ocs_id = chains.ocs_id
    left join record_versions
        on
            in_order.chain_guid = record_versions.chain_guid
            and in_order.ocs_id = record_versions.ocs_id
            and in_order.record_handle = record_versions.record_handle
            and coalesce(in_order.start_seq, in_order.first_seq) >= record_versions.chain_seq
            and coalesce(in_order.start_seq, in_order.first_seq) < record_versions.next_chain_seq
    -- What the attempt left of the record: the version in force when the next one begins.
    left join record_versions as versions_after
        on
            in_order.chain_guid = versions_after.chain_guid
            and in_order.ocs_id = versions_after.ocs_id
            and in_order.record_handle = versions_after.record_handle
            and in_order.next_start_seq > versions_after.chain_seq
            and in_order.next_start_seq <= versions_after.next_chain_seq
    left join time_zones on record_versions.tz_name = time_zones.tz_name

),

-- The mode in force when the attempt began; before the first that is known, what that replaced.
with_mode as (

    select
        joined.*,
        case
            when mode_periods.from_ts > joined.anchor_ts
                then coalesce(mode_periods.previous_dialing_mode, mode_periods.dialing_mode)
            else mode_periods.dialing_mode
        end as dialing_mode
    from joined
    left join mode_periods
        on
            joined.session_id = mode_periods.session_id
            and (joined.anchor_ts >= mode_periods.from_ts or mode_periods.is_first)
            and (joined.anchor_ts < mode_periods.till_ts or mode_periods.till_ts is null)

),

final as (

    select
        with_mode.*,
        coalesce(releases.bridges_calls, true) as bridges_calls,
        cti_gap.from_ts is not null as misses_calls,
        row_number() over (
            partition by with_mode.chain_guid, with_mode.ocs_id
            order by with_mode.first_seq, with_mode.attempt_guid
        ) as chain_attempt_no,
        {{ report_day('with_mode.anchor_ts') }} as attempt_day
    from with_mode
    left join releases
        on
            with_mode.ocs_id = releases.ocs_id
            and with_mode.anchor_ts >= releases.from_ts
            and with_mode.anchor_ts < releases.till_ts
    left join cti_gap
        on
            greatest(with_mode.anchor_ts, with_mode.attempt_end_ts) >= cti_gap.from_ts
            and with_mode.anchor_ts <= cti_gap.till_ts

)

select * from final
