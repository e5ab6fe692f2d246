// A PyTorch state dict as the zip file that it is.
#include "fuzz/readers.h"
#include "fuzz/readers/taken_tensors.h"
#include "fuzz/scratch_file.h"
#include "neurosplat/io/torch_checkpoint.h"

namespace neurosplat::fuzz {

void torch_zip(Bytes bytes) {
  const ScratchFile file(bytes);
  take(read_torch_state_dict(file.path()));
}

}  // namespace neurosplat::fuzz
