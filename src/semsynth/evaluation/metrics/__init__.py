"""The mathematics of scores: functions of arrays, in float64, whose memory does not grow with the number of images."""
