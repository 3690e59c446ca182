/* Preloaded: to the program it looks as if the kernel had no /proc/<pid>/task/<tid>/children. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

static int hidden(const char *path) {
  const char *last = path ? strrchr(path, '/') : 0;
  int is = last && !strncmp(path, "/proc/", 6) && !strcmp(last, "/children");
  if (is) errno = ENOENT;
  return is;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define OPEN(name)                                      \
  int name(const char *path, int flags, ...) {          \
    va_list rest;                                       \
    va_start(rest, flags);                              \
    mode_t mode = va_arg(rest, mode_t);                 \
    va_end(rest);                                       \
    return hidden(path) ? -1 : NEXT(name)(path, flags, mode); \
  }
#define OPENAT(name)                                    \
  int name(int at, const char *path, int flags, ...) {  \
    va_list rest;                                       \
    va_start(rest, flags);                              \
    mode_t mode = va_arg(rest, mode_t);                 \
    va_end(rest);                                       \
    return hidden(path) ? -1 : NEXT(name)(at, path, flags, mode); \
  }

int open(const char *, int, ...);
int open64(const char *, int, ...);
int openat(int, const char *, int, ...);
int openat64(int, const char *, int, ...);
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int stat(const char *path, struct stat *into) { return hidden(path) ? -1 : NEXT(stat)(path, into); }
int stat64(const char *path, struct stat64 *into) { return hidden(path) ? -1 : NEXT(stat64)(path, into); }
int statx(int at, const char *path, int flags, unsigned mask, struct statx *into) {
  return hidden(path) ? -1 : NEXT(statx)(at, path, flags, mask, into);
}
