#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `report`: runs and evaluations of folders on one HTML page; with --all every reported figure
/// anew.
void add_evaluate_report(Program& program);

}  // namespace neurosplat::apps
