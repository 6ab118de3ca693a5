{{ config(materialized='view') }}
-- A view, for it tells of loading and not of what was loaded: the same events loaded at another
-- time make other rows here, and only here.
with

lags as (

    select * from {{ ref('int_ingest_lag') }}

)

select * from lags
