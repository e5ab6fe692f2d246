#pragma once

namespace neurosplat {

/// From the first call on the machine is watched, and threads of this process that wait for one
/// another sleep instead of spinning while other programs want the cores. GNU OpenMP spins for
/// milliseconds at every barrier: alone on the machine that is the quickest way to wait, beside
/// other busy programs it burns the time slice that the awaited thread needs. How threads wait is
/// left alone where the environment says it (OMP_WAIT_POLICY, GOMP_SPINCOUNT). `threads`: of an
/// OpenMP team here.
void share_cores(int threads);

/// Whether waiting threads sleep at once now.
bool cores_are_shared();

/// Cores that other programs leave to this process, of those it may run on: 1 at least, all of them
/// where the system does not say or share_cores was not called.
int free_cores();

}  // namespace neurosplat
