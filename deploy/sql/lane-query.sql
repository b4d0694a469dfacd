-- One number for the autoscaler of one lane, for example for KEDA's postgresql trigger (docs/metrics.md#lanes). Replace 'images' by the lane.
--
-- The seconds for which the first waiting upload has been due; at least 1 while an upload waits or is being processed, so that a scaler to zero
-- does not end the last worker during its work.

select case when waiting > 0 then greatest(oldest_seconds, 1) else least(processing, 1) end as scale_by
from lane_load
where lane = 'images';
