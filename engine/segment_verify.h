// Everything that a segment says about itself, checked (SegmentReader::verify()).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/segment_file.h"

namespace tally {

// One line a problem, at most kSegmentProblemsMax of them.
inline constexpr size_t kSegmentProblemsMax = 100;
Result<std::vector<std::string>> verify_segment(const std::shared_ptr<const SegmentFile>& segment);

}  // namespace tally
