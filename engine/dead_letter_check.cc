#include "engine/dead_letter_check.h"

#include "engine/batch.h"
#include "engine/dead_letter_file.h"

namespace tally {

namespace {

class LetterChecker {
 public:
  LetterChecker(FileSystem& fs, const TablePaths& paths, const ManifestState& state)
      : fs_(fs), paths_(paths), state_(state), hasher_(state.hash_key) {}

  std::vector<std::string> run() {
    uint64_t letters = 0;
    for (const auto& [number, info] : state_.letter_files) {
      letters += info.letters;
      if (Status status = check_file(info); !status) problems_.push_back(status.error().message);
    }
    check_counts(letters);
    return std::move(problems_);
  }

 private:
  Status check_file(const LetterFileInfo& info) {
    const std::string path = paths_.letter_file(info.number);
    TALLY_ASSIGN_OR_RETURN(auto file, LetterFile::open(fs_, path, &info));
    if (file->table_uuid() != state_.table_uuid) problems_.push_back(path + " belongs to another table");
    TALLY_TRY(file->marks());
    while (true) {
      TALLY_ASSIGN_OR_RETURN(auto bundles, file->next());
      if (bundles.empty()) return {};
      for (const LetterBundle& bundle : bundles) check_payload(path, bundle);
    }
  }

  void check_payload(const std::string& path, const LetterBundle& bundle) {
    if (!bundle.has_rows()) return;
    auto batch = decode_batch(*state_.schema(), hasher_, 1, bundle.payload, bundle.payload_xxh3);
    const std::string where = path + ": letters of LSN " + std::to_string(bundle.lsn) + ": ";
    if (!batch) {
      problems_.push_back(where + batch.error().message);
    } else if ((*batch)->rows != bundle.letters.size()) {
      problems_.push_back(where + std::to_string((*batch)->rows) + " rows, and " +
                          std::to_string(bundle.letters.size()) + " letters");
    }
  }

  void check_counts(uint64_t in_files) {
    const LetterCounts& counts = state_.letters;
    const uint64_t refused = state_.ledger.too_late + state_.ledger.rejected;
    if (counts.kept + counts.before != refused) {
      problems_.push_back(paths_.directory() + ": " + std::to_string(counts.kept) + " dead letters were kept and " +
                          std::to_string(counts.before) + " rows refused before there were any, and the ledger has " +
                          std::to_string(refused) + " rows too late or rejected");
    }
    if (in_files + counts.dropped != counts.kept) {
      problems_.push_back(paths_.directory() + ": " + std::to_string(in_files) + " dead letters are in files and " +
                          std::to_string(counts.dropped) + " were dropped, and " + std::to_string(counts.kept) +
                          " were kept");
    }
  }

  FileSystem& fs_;
  const TablePaths& paths_;
  const ManifestState& state_;
  const IdHasher hasher_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> check_letters(FileSystem& fs, const TablePaths& paths, const ManifestState& state) {
  return LetterChecker(fs, paths, state).run();
}

}  // namespace tally
