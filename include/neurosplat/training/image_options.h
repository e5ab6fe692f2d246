#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "neurosplat/data/picture_source.h"
#include "neurosplat/training/options.h"

namespace neurosplat {

/// Which pictures to learn and how they are read.
struct ImageOptions {
  std::string dataset = "flowers";
  std::filesystem::path data = "./data";
  std::vector<std::string> splits = {"train", "val"};
  std::int64_t split_seed = 0;
  std::int64_t workers = 4;
  double memory_gib = 4.0;
};

template <class Visitor>
void visit_options(ImageOptions& config, Visitor&& visit) {
  const OptionGroup data("Data", visit);
  data("dataset", config.dataset, "pictures to learn", OneOf{dataset_names()});
  data("data", config.data, "folder of the data set (layouts: see the README)");
  data("splits", config.splits, "splits to train on; name all three to train as the reference does",
       OneOf{{"train", "val", "test"}});
  data("split_seed", config.split_seed,
       "draws the test tenth of a folder, which has no splits of its own; belongs to the data, not "
       "to the run, so --seed does not touch it",
       AtLeast{0});
  data("workers", config.workers, "threads that decode pictures", Between{1, 256});
  data("memory_gib", config.memory_gib, "GiB of decoded pictures to keep in memory",
       Between{0, 1e6});
}

}  // namespace neurosplat
