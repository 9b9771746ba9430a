// The list of a backup: what it says comes back, and nothing that was changed is believed.
#include "engine/backup_list.h"

#include <doctest/doctest.h>

#include "base/checksum.h"

using namespace tally;

namespace {

BackupList sample() {
  BackupList list;
  list.database_uuid[0] = 0xab;
  list.tables = {{"ads", 12}, {"two words", 0}};
  list.files = {{"data/TALLY", 40, 7}, {"data/tables/ads/CURRENT", 16, UINT64_MAX}};
  return list;
}

// With a sum that is right, whatever it says.
std::string with_lines(const std::string& lines) {
  std::string text = "TALLYBACKUP 1\n" + lines;
  char sum[17];
  std::snprintf(sum, sizeof sum, "%016llx", static_cast<unsigned long long>(xxh3(as_bytes(text))));
  return text + "end " + sum + "\n";
}

}  // namespace

TEST_CASE("backup list: it comes back as it was") {
  const BackupList list = sample();
  CHECK(list.bytes() == 56);
  CHECK(decode_backup_list(encode_backup_list(list)) == list);
  CHECK(decode_backup_list(encode_backup_list({})) == BackupList{});
}

TEST_CASE("backup list: no bit of it can be changed, and none of it left out") {
  const std::string text = encode_backup_list(sample());
  for (size_t i = 0; i < text.size(); ++i) {
    CHECK_FALSE(decode_backup_list(text.substr(0, i)).has_value());
    for (int bit = 0; bit < 8; ++bit) {
      std::string harmed = text;
      harmed[i] = static_cast<char>(harmed[i] ^ (1 << bit));
      const auto read = decode_backup_list(harmed);
      CHECK_MESSAGE((!read || *read == sample()), "byte " << i << " bit " << bit);  // a letter's case in a number
    }
  }
  CHECK_FALSE(decode_backup_list(text + "\n").has_value());
}

TEST_CASE("backup list: paths that leave the backup, and lines that say nothing, are refused") {
  CHECK(decode_backup_list(with_lines("file 1 ff data/x\n")).has_value());
  for (const char* lines :
       {"file 1 ff /etc/passwd\n", "file 1 ff data/../../x\n", "file 1 ff data//x\n", "file 1 ff ./x\n", "file 1 ff \n",
        "file 1 ff data/y\nfile 1 ff data/x\n", "file 1 ff data/x\nfile 1 ff data/x\n", "file x ff data/x\n",
        "file 1 zz data/x\n", "table 1 \n", "table -1 x\n", "database 12\n", "else\n"}) {
    CHECK_MESSAGE(!decode_backup_list(with_lines(lines)).has_value(), lines);
  }
}
