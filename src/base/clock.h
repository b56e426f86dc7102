/* Clocks in seconds. */
#ifndef VFT_BASE_CLOCK_H
#define VFT_BASE_CLOCK_H

double vft_seconds(void);     /* monotonic */
double vft_cpu_seconds(void); /* of all threads of this process */

#endif
