#define _GNU_SOURCE
#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_THREADS = 256 };

typedef struct {
  size_t n, grain;
  vft_loop_body body;
  void *ctx;
  _Atomic size_t next;
} loop;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER, idle = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER; /* one outer loop at a time */
static loop *current;
static unsigned long generation;
static int busy, workers, wanted;
static _Thread_local int inside;

static void drain(loop *l) {
  for (;;) {
    size_t begin = atomic_fetch_add(&l->next, l->grain);
    if (begin >= l->n) return;
    size_t end = l->n - begin < l->grain ? l->n : begin + l->grain;
    l->body(l->ctx, begin, end);
  }
}

static void *worker(void *arg) {
  int id = (int)(long)arg;
  unsigned long seen = 0;
  inside = 1;
  pthread_mutex_lock(&lock);
  for (;;) {
    while (generation == seen || !current) {
      if (generation != seen && !current) seen = generation;
      pthread_cond_wait(&wake, &lock);
    }
    seen = generation;
    if (id >= wanted - 1) continue; /* the pool was made smaller */
    loop *l = current;
    busy++;
    pthread_mutex_unlock(&lock);
    drain(l);
    pthread_mutex_lock(&lock);
    if (--busy == 0) pthread_cond_signal(&idle);
  }
  return NULL;
}

void vft_threads_set(int threads) {
  pthread_mutex_lock(&owner);
  if (threads <= 0) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    threads = online > 0 ? (int)online : 1;
  }
  wanted = threads > MAX_THREADS ? MAX_THREADS : threads;
  while (workers < wanted - 1) {
    pthread_t t;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 8u << 20);
    if (pthread_create(&t, &attr, worker, (void *)(long)workers)) {
      wanted = workers + 1;
      pthread_attr_destroy(&attr);
      break;
    }
    pthread_attr_destroy(&attr);
    workers++;
  }
  pthread_mutex_unlock(&owner);
}

int vft_threads(void) {
  if (!wanted) vft_threads_set(0);
  return wanted;
}

void vft_parallel_for(size_t n, size_t grain, vft_loop_body body, void *ctx) {
  if (!n) return;
  if (!grain) grain = 1;
  loop l = {n, grain, body, ctx, 0};
  if (inside || n <= grain || vft_threads() == 1) {
    drain(&l);
    return;
  }
  pthread_mutex_lock(&owner);
  inside = 1;
  pthread_mutex_lock(&lock);
  current = &l;
  generation++;
  pthread_cond_broadcast(&wake);
  pthread_mutex_unlock(&lock);
  drain(&l);
  pthread_mutex_lock(&lock);
  current = NULL; /* late wakers find no loop */
  while (busy) pthread_cond_wait(&idle, &lock);
  pthread_mutex_unlock(&lock);
  inside = 0;
  pthread_mutex_unlock(&owner);
}
