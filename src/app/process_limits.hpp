#pragma once

namespace p2p::app {

/// To be called at the start of a service, before other threads. Protects secrets in memory and environment: disables core dumps and access
/// by other processes of the same user (root can still attach a debugger). Raises the limit of open files to the maximum, since each
/// connection needs one.
void set_process_limits();

/// Makes the C library return freed memory to the system, at some cost of time; for services that do not compute. To be called before any
/// other thread.
void return_freed_memory();

}  // namespace p2p::app
