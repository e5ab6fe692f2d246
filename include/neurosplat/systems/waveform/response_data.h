#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/training/image_options.h"

namespace neurosplat {

/// Pictures and what was recorded while they were shown, of one part of the data.
struct ResponseSet {
  at::Tensor waveforms;  ///< [N, electrodes, samples], int8 as recorded or float32
  at::Tensor frame;      ///< int64 [N], the picture of each, in `pictures`
};

/// A recording split into parts that share no segment of a movie (of single pictures: no picture).
struct ResponseData {
  at::Tensor pictures;  ///< uint8 [F, 3, side, side]
  ResponseSet train, validation, test;
  std::int64_t electrodes = 0, samples = 0;
  std::string description;  ///< one line for a log
  std::string hash;  ///< 16 hexadecimal digits that tell what was read or asked for from others
};

/// simulated: neurons of ours on electrodes see the pictures of a data set; pvc1: movies and
/// waveforms of CRCNS's pvc-1; macaque: counts of V1, spread over time as their units' mean rates.
std::vector<std::string> recording_names();

/// Which responses to open.
struct ResponseRequest {
  std::string recording = "simulated";
  ImageOptions images;     ///< simulated: data set and splits to train on; else only `data`
  std::string session;     ///< pvc1: part of a file's name; macaque: a session; empty: the first
  std::int64_t side = 64;  ///< of the pictures
  std::int64_t electrodes = 16;    ///< simulated
  std::int64_t repeats = 4;        ///< simulated: times that each picture is shown
  std::int64_t most_pictures = 0;  ///< simulated: of each part, 0: all
  std::string pairing = "frame";   ///< pvc1: frame or spike
  std::int64_t fold = 0;           ///< pvc1, macaque: which of five folds of segments is the test's
  std::uint64_t seed = 0;          ///< of simulated noise, of the folds
};

/// Reads or simulates. Throws Error (nothing there: says what was expected where) or UsageError.
ResponseData open_responses(const ResponseRequest& request);

/// `count` responses of a part, spread over it; all for 0 or where there are no more.
ResponseSet spread_over(const ResponseSet& part, std::int64_t count);

/// Mean and deviation of each electrode over waveforms and samples, float32 [electrodes].
std::pair<at::Tensor, at::Tensor> scale_of(const ResponseSet& set);

}  // namespace neurosplat
