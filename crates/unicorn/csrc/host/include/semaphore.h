/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_SEMAPHORE_H
#define HOST_SEMAPHORE_H
typedef struct {
    int unused;
} sem_t;
#endif
