/* Makes each fdatasync longer by DELAY_US microseconds, which is how slower disks are tried out.
 *
 * Loaded into the server by LD_PRELOAD. PostgreSQL flushes its write-ahead log with fdatasync and
 * its data files with fsync, so that only commits get slower.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <time.h>

int fdatasync(int file)
{
    static int (*flush)(int);
    struct timespec left = { DELAY_US / 1000000, DELAY_US % 1000000 * 1000 };

    if (!flush)
        flush = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
    return flush(file);
}
