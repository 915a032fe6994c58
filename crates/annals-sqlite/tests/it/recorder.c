/* Records what a process does to the files of one folder, in order, and makes calls fail on plan.
 *
 * Loaded into a test's child process by LD_PRELOAD. Every change of a file under RECORDER_FOLDER
 * is appended to RECORDER_LOG under one lock, which also covers the change itself, so the log has
 * the order in which the changes took place. A flush has a record for its beginning and one for
 * its end: only what was written before it began is certain when it has ended.
 *
 * RECORDER_FAIL = "write" | "flush": from the RECORDER_FAIL_AT-th such call on, RECORDER_FAIL_COUNT
 * calls fail, writes with ENOSPC and flushes with EIO. RECORDER_FLUSH_MICROS delays each flush.
 *
 * Left out: the index of the write-ahead log (-shm), which does not outlive a crash of the
 * machine, and the lock file. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { OPENED = 1, WRITTEN, TRUNCATED, FLUSH_BEGUN, FLUSHED, FLUSH_FAILED, UNLINKED, RENAMED };
enum { FILES_MAX = 65536 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder;
static size_t folder_length;
static int log_file = -1;
static uint32_t handles[FILES_MAX]; /* by file descriptor, 0 for files of no interest */
static ino_t inodes[FILES_MAX];
static unsigned char owes_failure[FILES_MAX];
static uint32_t next_handle = 1;
static const char *fail;
static long fail_at, fail_count, writes, flushes, flush_micros;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off64_t);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

static void resolve(void) {
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_open = dlsym(RTLD_NEXT, "open64");
    real_close = dlsym(RTLD_NEXT, "close");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_write = dlsym(RTLD_NEXT, "write");
}

/* Other libraries may call before begin() has run. */
#define RESOLVED \
    if (!real_write) resolve();

__attribute__((constructor)) static void begin(void) {
    RESOLVED
    folder = getenv("RECORDER_FOLDER");
    if (!folder) return;
    folder_length = strlen(folder);
    fail = getenv("RECORDER_FAIL");
    fail_at = number("RECORDER_FAIL_AT", 0);
    fail_count = number("RECORDER_FAIL_COUNT", 1);
    flush_micros = number("RECORDER_FLUSH_MICROS", 0);
    const char *path = getenv("RECORDER_LOG");
    if (path) log_file = real_open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
}

static int ends_with(const char *path, const char *end) {
    size_t length = strlen(path), tail = strlen(end);
    return length >= tail && strcmp(path + length - tail, end) == 0;
}

static int is_recorded(const char *path) {
    return folder && strncmp(path, folder, folder_length) == 0 && !ends_with(path, "-shm") &&
           !ends_with(path, "-lock") && !strstr(path, "-snapshot");
}

static uint32_t handle_of(int fd) {
    return fd >= 0 && fd < FILES_MAX ? handles[fd] : 0;
}

static void record(uint8_t kind, uint32_t handle, uint64_t number, const void *data, size_t length) {
    if (log_file < 0) return;
    unsigned char head[17];
    uint32_t bytes = (uint32_t)length;
    head[0] = kind;
    memcpy(head + 1, &handle, 4);
    memcpy(head + 5, &number, 8);
    memcpy(head + 13, &bytes, 4);
    if (real_write(log_file, head, sizeof head) != sizeof head) abort();
    if (length && real_write(log_file, data, length) != (ssize_t)length) abort();
}

static int is_planned(const char *kind, long *calls) {
    if (!fail || strcmp(fail, kind) != 0) return 0;
    *calls += 1;
    return *calls >= fail_at && *calls < fail_at + fail_count;
}

/* The acknowledgements are the test's own record and never fail. */
static int is_log_of_test(int fd) {
    char link[64], path[4096];
    strcpy(link, "/proc/self/fd/");
    char digits[12];
    int n = 0, value = fd;
    do digits[n++] = (char)('0' + value % 10); while (value /= 10);
    size_t at = strlen(link);
    while (n) link[at++] = digits[--n];
    link[at] = 0;
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return ends_with(path, "/outcomes");
}

static int opened(int fd, const char *path) {
    if (fd >= 0 && fd < FILES_MAX) {
        pthread_mutex_lock(&lock);
        handles[fd] = is_recorded(path) ? next_handle++ : 0;
        struct stat about;
        inodes[fd] = handles[fd] && fstat(fd, &about) == 0 ? about.st_ino : 0;
        owes_failure[fd] = 0;
        if (handles[fd]) record(OPENED, handles[fd], 0, path, strlen(path));
        pthread_mutex_unlock(&lock);
    }
    return fd;
}

#define MODE(flags)                                   \
    mode_t mode = 0;                                  \
    if ((flags) & (O_CREAT | O_TMPFILE)) {            \
        va_list arguments;                            \
        va_start(arguments, flags);                   \
        mode = va_arg(arguments, mode_t);             \
        va_end(arguments);                            \
    }

int open64(const char *path, int flags, ...) {
    MODE(flags)
    RESOLVED
    return opened(real_open(path, flags, mode), path);
}

int open(const char *path, int flags, ...) {
    MODE(flags)
    RESOLVED
    return opened(real_open(path, flags, mode), path);
}

int close(int fd) {
    RESOLVED
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FILES_MAX) handles[fd] = 0;
    int result = real_close(fd);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    RESOLVED
    uint32_t handle = handle_of(fd);
    if (!handle) return real_pwrite(fd, data, length, offset);
    pthread_mutex_lock(&lock);
    ssize_t result = -1;
    if (is_planned("write", &writes)) {
        errno = ENOSPC;
    } else {
        result = real_pwrite(fd, data, length, offset);
        if (result > 0) record(WRITTEN, handle, (uint64_t)offset, data, (size_t)result);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    return pwrite64(fd, data, length, offset);
}

ssize_t write(int fd, const void *data, size_t length) {
    RESOLVED
    uint32_t handle = handle_of(fd);
    if (!handle) return real_write(fd, data, length);
    pthread_mutex_lock(&lock);
    ssize_t result = -1;
    if (!is_log_of_test(fd) && is_planned("write", &writes)) {
        errno = ENOSPC;
    } else {
        result = real_write(fd, data, length);
        off64_t end = lseek64(fd, 0, SEEK_CUR);
        if (result > 0) record(WRITTEN, handle, (uint64_t)(end - result), data, (size_t)result);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate64(int fd, off64_t length) {
    RESOLVED
    uint32_t handle = handle_of(fd);
    if (!handle) return real_ftruncate(fd, length);
    pthread_mutex_lock(&lock);
    int result = real_ftruncate(fd, length);
    if (result == 0) record(TRUNCATED, handle, (uint64_t)length, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int fd, off_t length) {
    return ftruncate64(fd, length);
}

static int flush(int fd, int (*real)(int)) {
    uint32_t handle = handle_of(fd);
    if (!handle) return real(fd);
    pthread_mutex_lock(&lock);
    /* As Linux does it: whoever has the file open learns of the failure once. */
    int fails = owes_failure[fd];
    owes_failure[fd] = 0;
    if (!fails && is_planned("flush", &flushes)) {
        fails = 1;
        for (int other = 0; other < FILES_MAX; other++)
            if (other != fd && handles[other] && inodes[other] == inodes[fd])
                owes_failure[other] = 1;
    }
    uint64_t id = (uint64_t)next_handle++;
    record(FLUSH_BEGUN, handle, id, NULL, 0);
    pthread_mutex_unlock(&lock);
    if (flush_micros) usleep((useconds_t)flush_micros);
    int result = fails ? -1 : real(fd);
    pthread_mutex_lock(&lock);
    if (owes_failure[fd]) {
        /* It happened while this flush was under way. */
        owes_failure[fd] = 0;
        fails = 1;
        result = -1;
    }
    record(result == 0 ? FLUSHED : FLUSH_FAILED, handle, id, NULL, 0);
    pthread_mutex_unlock(&lock);
    if (fails) errno = EIO;
    return result;
}

int fsync(int fd) {
    RESOLVED
    return flush(fd, real_fsync);
}

int fdatasync(int fd) {
    RESOLVED
    return flush(fd, real_fdatasync);
}

int unlink(const char *path) {
    RESOLVED
    if (!is_recorded(path)) return real_unlink(path);
    pthread_mutex_lock(&lock);
    int result = real_unlink(path);
    if (result == 0) record(UNLINKED, 0, 0, path, strlen(path));
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *from, const char *to) {
    RESOLVED
    if (!is_recorded(from)) return real_rename(from, to);
    pthread_mutex_lock(&lock);
    int result = real_rename(from, to);
    if (result == 0) {
        char both[8192];
        size_t first = strlen(from) + 1, second = strlen(to);
        if (first + second > sizeof both) abort();
        memcpy(both, from, first);
        memcpy(both + first, to, second);
        record(RENAMED, 0, 0, both, first + second);
    }
    pthread_mutex_unlock(&lock);
    return result;
}
