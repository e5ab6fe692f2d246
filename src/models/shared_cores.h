#pragma once

namespace neurosplat {

/// From the first call on, threads of this process that wait for one another sleep instead of
/// spinning while other programs want the cores. GNU OpenMP spins for milliseconds at every
/// barrier: alone on the machine that is the quickest way to wait, beside other busy programs it
/// burns the time slice that the awaited thread needs. Nothing is done where the environment says
/// how to wait (OMP_WAIT_POLICY, GOMP_SPINCOUNT). `threads`: of an OpenMP team here.
void share_cores(int threads);

/// Whether waiting threads sleep at once now.
bool cores_are_shared();

}  // namespace neurosplat
