/* Put before the C library by LD_PRELOAD, it makes a disk fail. While the file that FAILS names is there
   and says, for instance, "w 5 auth.db-wal", each write (w) to a file whose name ends in that fails with
   error 5; r is for reading, s for syncing. With the number 0 it waits instead, for as long as the file
   says so, and the name may stand anywhere in the path. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number of the rule for this, or -1. */
static int rule_for(int file, char how) {
  char kind, name[64], link[64], path[4096];
  int number;
  const char *rule = getenv("FAILS");
  FILE *in = rule ? fopen(rule, "re") : NULL;
  if (!in) return -1;
  int read = fscanf(in, "%c %d %63s", &kind, &number, name);
  fclose(in);
  if (read != 3 || kind != how) return -1;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return -1;
  path[length] = 0;
  if (number == 0) return strstr(path, name) ? 0 : -1;
  size_t end = strlen(name);
  return length < (ssize_t)end || strcmp(path + length - end, name) ? -1 : number;
}

static int fails(int file, char how) {
  int number;
  while ((number = rule_for(file, how)) == 0) usleep(1000);
  if (number < 0) return 0;
  errno = number;
  return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pread64(int file, void *to, size_t count, off64_t at) {
  return fails(file, 'r') ? -1 : REAL(pread64)(file, to, count, at);
}

ssize_t pwrite64(int file, const void *from, size_t count, off64_t at) {
  return fails(file, 'w') ? -1 : REAL(pwrite64)(file, from, count, at);
}

int fsync(int file) { return fails(file, 's') ? -1 : REAL(fsync)(file); }

int fdatasync(int file) { return fails(file, 's') ? -1 : REAL(fdatasync)(file); }
