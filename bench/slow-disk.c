/* Makes every flush to the disk take longer, as on a consumer drive: loaded with LD_PRELOAD, for the benchmark only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void wait_longer(void) {
  const char *text = getenv("SLOW_FLUSH_US");
  long us = text ? atol(text) : 0;
  struct timespec left = {us / 1000000, (us % 1000000) * 1000};
  nanosleep(&left, 0);
}

int fsync(int file) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  int result = real(file);
  wait_longer();
  return result;
}

int fdatasync(int file) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  int result = real(file);
  wait_longer();
  return result;
}
