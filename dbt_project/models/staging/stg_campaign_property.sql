-- Every change of dial mode or optimisation target, of open and ended sessions alike:
-- an attempt looks up the mode of a session that may still run.
with

source as (

    select * from {{ source('idb', 'go_campprop_hist') }}

),

renamed as (

    select
        ocsid as ocs_id,
        sessid::text as session_id,
        seq,
        dialmode as dialing_mode,
        prevdialmode as previous_dialing_mode,
        optimmode as optimization_mode,
        optimvalue as optimization_target,
        {{ utc('added') }} as event_ts
    from source

)

select * from renamed
