#pragma once

#include "fuzz/case.h"

/// What is fuzzed; each is described where it is defined, readers/NAME.cpp.
namespace neurosplat::fuzz {

void checkpoint(Bytes bytes);
void configuration(Bytes bytes);
void idx(Bytes bytes);
void mat(Bytes bytes);
void npy(Bytes bytes);
void number_table(Bytes bytes);
void nwb(Bytes bytes);
void picture(Bytes bytes);
void picture_header(Bytes bytes);
void safetensors(Bytes bytes);
void service_message(Bytes bytes);
void torch_pickle(Bytes bytes);
void torch_zip(Bytes bytes);
void web_client(Bytes bytes);

inline constexpr NamedReader kReaders[] = {
    {"checkpoint", checkpoint},
    {"configuration", configuration},
    {"idx", idx},
    {"mat", mat},
    {"npy", npy},
    {"number_table", number_table},
    {"nwb", nwb},
    {"picture", picture},
    {"picture_header", picture_header},
    {"safetensors", safetensors},
    {"service_message", service_message},
    {"torch_pickle", torch_pickle},
    {"torch_zip", torch_zip},
    {"web_client", web_client},
};

}  // namespace neurosplat::fuzz
