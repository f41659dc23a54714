#include "system/call_filter.hpp"

#include "system/system_error.hpp"

#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <string>

namespace posthorn::system {
namespace {

struct FreeFilter {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FreeFilter>;

/// Memory, threads, time, and descriptors that are open already.
constexpr std::array common{"brk",
                            "mmap",
                            "munmap",
                            "mremap",
                            "mprotect",
                            "madvise",
                            "mlock",
                            "mlock2",
                            "munlock",
                            "mlockall",
                            "munlockall",
                            "membarrier",
                            "futex",
                            "futex_waitv",
                            "set_robust_list",
                            "get_robust_list",
                            "set_tid_address",
                            "rseq",
                            "exit",
                            "exit_group",
                            "sched_yield",
                            "sched_getaffinity",
                            "sched_setaffinity",
                            "sched_getparam",
                            "sched_getscheduler",
                            "getcpu",
                            "gettid",
                            "getpid",
                            "getppid",
                            "getuid",
                            "geteuid",
                            "getgid",
                            "getegid",
                            "getresuid",
                            "getresgid",
                            "getgroups",
                            "getpgrp",
                            "rt_sigaction",
                            "rt_sigprocmask",
                            "rt_sigreturn",
                            "rt_sigtimedwait",
                            "rt_sigpending",
                            "sigaltstack",
                            "tgkill",
                            "restart_syscall",
                            "clock_gettime",
                            "clock_getres",
                            "clock_nanosleep",
                            "nanosleep",
                            "gettimeofday",
                            "time",
                            "getrandom",
                            "uname",
                            "sysinfo",
                            "getrusage",
                            "times",
                            "prlimit64",
                            "getrlimit",
                            "poll",
                            "ppoll",
                            "select",
                            "pselect6",
                            "epoll_create1",
                            "epoll_create",
                            "epoll_ctl",
                            "epoll_wait",
                            "epoll_pwait",
                            "epoll_pwait2",
                            "eventfd2",
                            "eventfd",
                            "timerfd_create",
                            "timerfd_settime",
                            "timerfd_gettime",
                            "pipe2",
                            "pipe",
                            "read",
                            "readv",
                            "pread64",
                            "preadv",
                            "write",
                            "writev",
                            "pwrite64",
                            "pwritev",
                            "close",
                            "close_range",
                            "fcntl",
                            "dup",
                            "dup2",
                            "dup3",
                            "fstat",
                            "newfstatat",
                            "lseek",
                            "recvmsg",
                            "sendmsg",
                            "recvfrom",
                            "sendto",
                            "recvmmsg",
                            "sendmmsg",
                            "shutdown",
                            "getsockopt",
                            "setsockopt",
                            "getsockname",
                            "getpeername",
                            "memfd_create",
                            "getitimer",
                            "prctl",
                            "arch_prctl",
                            "ioctl",
                            "map_shadow_stack"};

/// Where sockets and files may lead is for Landlock to say.
constexpr std::array for_sockets{"socket", "socketpair", "connect", "accept", "accept4", "bind", "listen"};

constexpr std::array for_files{"open",
                               "openat",
                               "openat2",
                               "creat",
                               "stat",
                               "lstat",
                               "statx",
                               "statfs",
                               "fstatfs",
                               "access",
                               "faccessat",
                               "faccessat2",
                               "readlink",
                               "readlinkat",
                               "getdents",
                               "getdents64",
                               "getcwd",
                               "rename",
                               "renameat",
                               "renameat2",
                               "link",
                               "linkat",
                               "unlink",
                               "unlinkat",
                               "mkdir",
                               "mkdirat",
                               "rmdir",
                               "symlinkat",
                               "ftruncate",
                               "truncate",
                               "fallocate",
                               "fadvise64",
                               "readahead",
                               "fsync",
                               "fdatasync",
                               "sync_file_range",
                               "syncfs",
                               "flock",
                               "chmod",
                               "fchmod",
                               "fchmodat",
                               "fchown",
                               "fchownat",
                               "utimensat",
                               "umask",
                               "preadv2",
                               "pwritev2",
                               "copy_file_range",
                               "sendfile",
                               "splice",
                               "inotify_init1",
                               "inotify_add_watch",
                               "inotify_rm_watch",
                               "signalfd4",
                               "pidfd_open",
                               "pidfd_send_signal",
                               "msync",
                               "fgetxattr",
                               "fsetxattr",
                               "getpriority",
                               "setpriority",
                               "sched_setscheduler",
                               "sched_get_priority_max",
                               "sched_get_priority_min",
                               "ioprio_set",
                               "setrlimit",
                               "landlock_create_ruleset"};

constexpr std::array for_helper{"socket", "connect"};

/// Nothing of ours tries these: who does is not us any more.
constexpr std::array deadly{"execve",
                            "execveat",
                            "ptrace",
                            "process_vm_readv",
                            "process_vm_writev",
                            "process_madvise",
                            "kcmp",
                            "pidfd_getfd",
                            "mount",
                            "umount2",
                            "pivot_root",
                            "chroot",
                            "move_mount",
                            "open_tree",
                            "fsopen",
                            "fsmount",
                            "fsconfig",
                            "fspick",
                            "mount_setattr",
                            "setns",
                            "unshare",
                            "init_module",
                            "finit_module",
                            "delete_module",
                            "kexec_load",
                            "kexec_file_load",
                            "bpf",
                            "perf_event_open",
                            "userfaultfd",
                            "add_key",
                            "request_key",
                            "keyctl",
                            "setuid",
                            "setgid",
                            "setreuid",
                            "setregid",
                            "setresuid",
                            "setresgid",
                            "setfsuid",
                            "setfsgid",
                            "setgroups",
                            "capset",
                            "reboot",
                            "swapon",
                            "swapoff",
                            "open_by_handle_at",
                            "name_to_handle_at",
                            "io_uring_setup",
                            "io_uring_enter",
                            "io_uring_register",
                            "fork",
                            "vfork",
                            "acct",
                            "quotactl",
                            "settimeofday",
                            "clock_settime",
                            "adjtimex",
                            "clock_adjtime",
                            "sethostname",
                            "setdomainname",
                            "iopl",
                            "ioperm",
                            "personality",
                            "syslog",
                            "vhangup",
                            "modify_ldt",
                            "lookup_dcookie",
                            "mbind",
                            "move_pages",
                            "migrate_pages"};

/// A name that this kernel's architecture does not know is no fault: then nobody can call it.
bool add(void* filter, std::uint32_t action, std::span<const char* const> names) {
  for (const auto* name : names) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || number < 0) continue;
    if (::seccomp_rule_add(filter, action, number, 0) != 0) return false;
  }
  return true;
}

/// New threads, never new processes. clone3 hides its flags from the filter; glibc takes ENOSYS for "use clone".
bool add_threads(void* filter) {
  constexpr std::uint64_t thread = CLONE_THREAD;
  const scmp_arg_cmp new_thread{.arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = thread, .datum_b = thread};
  const scmp_arg_cmp new_process{.arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = thread, .datum_b = 0};
  return ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &new_thread) == 0 &&
         ::seccomp_rule_add_array(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1, &new_process) == 0 &&
         ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

bool fill(void* filter, FilterRole role) {
  bool filled = ::seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 && add(filter, SCMP_ACT_ALLOW, common) &&
                add_threads(filter) && add(filter, SCMP_ACT_KILL_PROCESS, deadly);
  if (role == FilterRole::engine) filled = filled && add(filter, SCMP_ACT_ALLOW, for_sockets);
  if (role == FilterRole::engine || role == FilterRole::delivery)
    filled = filled && add(filter, SCMP_ACT_ALLOW, for_files);
  if (role == FilterRole::helper) filled = filled && add(filter, SCMP_ACT_ALLOW, for_helper);
  return filled;
}

}  // namespace

Result<> apply_call_filter(FilterRole role) {
  const Filter filter{::seccomp_init(SCMP_ACT_ERRNO(EPERM))};
  if (!filter || !fill(filter.get(), role)) return failure(Error::Kind::invalid, "make the filter of system calls");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_failure("refuse new privileges");
  if (const int fault = ::seccomp_load(filter.get()); fault != 0) {
    return failure(Error::Kind::unsupported, "the kernel takes no filter of system calls: " + error_text(-fault));
  }
  return {};
}

bool has_sanitizers() {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
  return true;
#endif
#endif
  return false;
}

}  // namespace posthorn::system
