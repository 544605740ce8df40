/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Loaded before the C library, a file system on which nothing can be locked. */
#include <errno.h>
#include <sys/file.h>

int
flock (int fd, int operation)
{
  errno = EOPNOTSUPP;
  return -1;
}
