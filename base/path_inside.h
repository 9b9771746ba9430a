// Whether one path lies within another, for what would else be written into the very thing that it is made from.
#pragma once

#include <string>

namespace tally {

// `path` is `directory` itself or something beneath it, whatever links, "..", and relative names they are spelled with.
// Neither has to be there yet. False also where that cannot be told (a part that may not be read).
bool path_inside(const std::string& path, const std::string& directory);

}  // namespace tally
