#include "train/run_folder.h"

#include <system_error>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

void clear_run(const fs::path& folder) {
  std::error_code ignored;
  fs::remove_all(folder / "checkpoints", ignored);
  for (const char* name :
       {"loss.csv", "metrics.jsonl", "config.json", "model.safetensors", "koopman.safetensors"}) {
    fs::remove(folder / name, ignored);
  }
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto name = entry.path().filename().string();
    const bool ours =
        name.starts_with("recon_") || name.starts_with("sample_") || name.starts_with("pred_");
    if (ours && name.ends_with(".png")) fs::remove(entry.path(), ignored);
  }
}

}  // namespace

std::optional<std::string> peek(const std::vector<std::string>& arguments,
                                const std::string& name) {
  for (std::size_t i = arguments.size(); i-- > 0;) {
    if (arguments[i].starts_with(name + "=")) return arguments[i].substr(name.size() + 1);
    if (arguments[i] != name) continue;
    const bool followed = i + 1 < arguments.size() && !arguments[i + 1].starts_with("-");
    return followed ? arguments[i + 1] : "";
  }
  return std::nullopt;
}

void prepare_run_folder(const fs::path& out, bool overwrite) {
  if (fs::exists(out) && !fs::is_directory(out)) {
    throw UsageError(text("out: expected a folder, ", out.string(), " is a file"));
  }
  if (!fs::exists(out / "checkpoints") && !fs::exists(out / "loss.csv")) return;
  if (!overwrite) {
    throw UsageError(text(out.string(),
                          " holds a run already: continue it with --resume, replace it with "
                          "--overwrite, or choose another --out"));
  }
  clear_run(out);
}

}  // namespace neurosplat::apps
