#include "tests/support/kill_run.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "tests/support/temp_dir.h"

namespace tally {
namespace {

constexpr int kMillisecond = 1000;  // in microseconds

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::stringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  return cells;
}

struct Impression {
  std::string line;
  std::string id;
  std::string group;  // campaign,policy
  uint64_t clicks = 0;
};

// A file that one `tally load` is to bring in, however often it is started.
struct Job {
  std::string file, acks;
  std::vector<uint32_t> rows;  // of the impressions, in order
  uint64_t acknowledged = 0;   // as the ack file said last
};

class KillRun {
 public:
  explicit KillRun(const KillOptions& options) : options_(options), random_(options.seed) {}

  KillResult run() {
    if (read_rows() && make_table()) {
      plan();
      for (size_t i = 0; i < jobs_.size() && good(); ++i) bring_in(i);
      while (good() && result_.kills < options_.kills) {
        add_job(random_batches(6));
        bring_in(jobs_.size() - 1);
      }
      if (good()) look("in the end");
      if (good()) compare_totals();
      if (good()) check();
    }
    result_.rows = rows_.size();
    return std::move(result_);
  }

 private:
  bool good() const { return result_.failure.empty(); }
  bool fail(std::string what) {
    if (good()) result_.failure = std::move(what);
    return false;
  }

  // --- programs ---
  pid_t start(const std::vector<std::string>& words) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    for (const auto& [name, to] : {std::pair{work_.file("out"), 1}, std::pair{work_.file("err"), 2}}) {
      const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      if (file < 0 || ::dup2(file, to) < 0) ::_exit(126);
    }
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  int finish(pid_t child) {
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string text(const std::string& name) const {
    std::ifstream in(work_.file(name));
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
  }
  bool tally(std::vector<std::string> words) {
    const std::string what = words.front();
    words.insert(words.begin(), options_.tally);
    if (const int code = finish(start(words)); code != 0) {
      return fail("tally " + what + " ended with " + std::to_string(code) + ": " + text("out") + text("err"));
    }
    return true;
  }
  // The rows of an answer, without the header.
  std::vector<std::vector<std::string>> ask(const std::string& sql) {
    std::vector<std::vector<std::string>> rows;
    if (!tally({"sql", "--data", data_, "--format", "csv", "-c", sql})) return rows;
    std::stringstream in(text("out"));
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) rows.push_back(split(line));
    return rows;
  }

  // --- what is sent ---
  bool read_rows() {
    std::FILE* pipe = ::popen(("gzip -dc '" + options_.data + "'").c_str(), "r");
    if (pipe == nullptr) return fail("gzip cannot be started");
    std::string all;
    std::array<char, 65536> piece;
    for (size_t n = 0; (n = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;) all.append(piece.data(), n);
    if (::pclose(pipe) != 0) return fail(options_.data + " cannot be read");
    std::stringstream in(all);
    std::getline(in, header_);
    for (std::string line; std::getline(in, line) && rows_.size() < options_.rows_max;) {
      const std::vector<std::string> cells = split(line);
      if (cells.size() < 7) return fail("a line of " + std::to_string(cells.size()) + " cells: " + line);
      rows_.push_back({line, cells[1], cells[2] + "," + cells[3], std::stoull(cells[6])});
    }
    for (size_t i = rows_.size(); i > 1; --i) std::swap(rows_[i - 1], rows_[random_.below(i)]);
    for (uint32_t i = 0; i < rows_.size(); ++i) by_id_[rows_[i].id] = i;
    promised_.assign(rows_.size(), false);
    return by_id_.size() == rows_.size() || fail("an id stands in the file twice");
  }

  bool make_table() { return tally({"init", data_}) && tally({"sql", "--data", data_, "-f", options_.schema}); }

  void plan() {
    const uint64_t largest = std::max<uint64_t>(2, std::min<uint64_t>(1500, rows_.size() / 8));
    for (uint32_t first = 0; first < rows_.size();) {
      const auto end = static_cast<uint32_t>(std::min<uint64_t>(first + random_.between(1, largest), rows_.size()));
      batches_.push_back({first, end});
      first = end;
    }
    std::vector<size_t> sends;
    for (size_t i = 0; i < batches_.size(); ++i) sends.insert(sends.end(), random_.between(1, 5), i);
    for (size_t i = sends.size(); i > 1; --i) std::swap(sends[i - 1], sends[random_.below(i)]);
    const size_t jobs = std::max<size_t>(options_.kills / 8, 1);
    for (size_t i = 0; i < jobs; ++i) {
      add_job({sends.begin() + static_cast<std::ptrdiff_t>(sends.size() * i / jobs),
               sends.begin() + static_cast<std::ptrdiff_t>(sends.size() * (i + 1) / jobs)});
    }
  }
  std::vector<size_t> random_batches(size_t count) {
    std::vector<size_t> chosen(count);
    for (size_t& batch : chosen) batch = random_.below(batches_.size());
    return chosen;
  }
  void add_job(const std::vector<size_t>& sends) {
    Job job;
    job.file = work_.file("job" + std::to_string(jobs_.size()) + ".csv");
    job.acks = job.file + ".acks";
    std::ofstream out(job.file);
    out << header_ << '\n';
    for (size_t send : sends) {
      for (uint32_t row = batches_[send].first; row < batches_[send].second; ++row) {
        job.rows.push_back(row);
        out << rows_[row].line << '\n';
      }
    }
    jobs_.push_back(std::move(job));
  }

  // --- killing ---
  // Starts the load again and again; about eight of the starts are killed, the last one is let through.
  void bring_in(size_t number) {
    Job& job = jobs_[number];
    for (uint64_t kills = 0; good();) {
      ++result_.loads;
      result_.copies_sent += job.rows.size() - job.acknowledged;
      const pid_t child = start(load_words(job));
      const bool doomed = result_.kills < options_.kills && kills < 8 + random_.below(4);
      if (doomed) {
        ::usleep(static_cast<useconds_t>(random_.between(1, 250) * kMillisecond));
        ::kill(child, SIGKILL);
      }
      const int code = finish(child);
      read_acks(job);
      if (code == 0) break;
      if (!doomed || code != 128 + SIGKILL) {
        fail("tally load ended with " + std::to_string(code) + ": " + text("err"));
        return;
      }
      ++kills;
      ++result_.kills;
      if (random_.chance(0.7)) look("after kill " + std::to_string(result_.kills));
      if (options_.progress && result_.kills % 50 == 0) options_.progress(std::to_string(result_.kills) + " kills");
    }
    if (good() && job.acknowledged != job.rows.size()) fail("a load ended well and has not acknowledged every row");
    result_.copies_acknowledged += job.rows.size();
  }

  std::vector<std::string> load_words(const Job& job) {
    std::vector<std::string> words = {options_.tally,
                                      "load",
                                      "--data",
                                      data_,
                                      "--table",
                                      "impressions",
                                      "--replay",
                                      "--ack-file",
                                      job.acks,
                                      "--batch",
                                      std::to_string(random_.between(20, 1500))};
    if (random_.chance(0.8)) {
      words.push_back("--rate");
      words.push_back(std::to_string(random_.between(5'000, 60'000)));
    }
    words.push_back(job.file);
    return words;
  }

  void read_acks(Job& job) {
    std::ifstream in(job.acks);
    uint64_t rows = 0;
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("rows ")) rows = std::stoull(line.substr(5));
    }
    if (rows < job.acknowledged || rows > job.rows.size()) fail("the ack file went back, or too far");
    for (uint64_t i = job.acknowledged; i < rows && good(); ++i) promised_[job.rows[i]] = true;
    job.acknowledged = std::max(job.acknowledged, rows);
  }

  // --- looking ---
  void look(const std::string& when) {
    ++result_.looks;
    std::vector<uint32_t> events(rows_.size());
    for (const auto& cells : ask("SELECT impression_id, COUNT(*) FROM impressions.raw GROUP BY impression_id")) {
      auto found = cells.size() == 2 ? by_id_.find(cells[0]) : by_id_.end();
      if (found == by_id_.end()) {
        fail(when + ": an id that is not in the file");
        return;
      }
      events[found->second] += static_cast<uint32_t>(std::stoul(cells[1]));
    }
    for (size_t i = 0; i < events.size() && good(); ++i) {
      if (events[i] > 1) fail(when + ": " + rows_[i].id + " is counted " + std::to_string(events[i]) + " times");
      if (events[i] == 0 && promised_[i]) fail(when + ": " + rows_[i].id + " was acknowledged and is not there");
    }
  }

  void compare_totals() {
    std::map<std::string, std::pair<uint64_t, uint64_t>> truth, found;
    for (const Impression& row : rows_) {
      ++truth[row.group].first;
      truth[row.group].second += row.clicks;
    }
    for (const auto& cells : ask("SELECT campaign, policy, SUM(impressions), SUM(clicks) FROM impressions "
                                 "GROUP BY campaign, policy")) {
      if (cells.size() == 4) found[cells[0] + "," + cells[1]] = {std::stoull(cells[2]), std::stoull(cells[3])};
    }
    if (found != truth) {
      fail("the totals are not those of the file");
      return;
    }
    std::map<std::string, uint64_t> kinds;
    for (const auto& cells : ask("SELECT _kind, COUNT(*) FROM impressions.raw GROUP BY _kind")) {
      kinds[cells[0]] = std::stoull(cells[1]);
    }
    result_.duplicates = kinds["duplicate"];
    if (kinds["event"] != rows_.size() || kinds.size() > 2) fail("rows of another kind than were sent");
    if (result_.duplicates + rows_.size() < result_.copies_acknowledged ||
        result_.duplicates + rows_.size() > result_.copies_sent) {
      fail(std::to_string(result_.duplicates) + " duplicates of " + std::to_string(result_.copies_acknowledged) +
           " copies acknowledged and " + std::to_string(result_.copies_sent) + " sent at most");
    }
  }

  // The ledger too: received is what was decided, and nothing was refused.
  void check() {
    const auto rows = ask("SELECT accepted, duplicates, conflicts, too_late, rejected FROM system.tables");
    const std::vector<std::string> ledger = {std::to_string(rows_.size()), std::to_string(result_.duplicates), "0", "0",
                                             "0"};
    if (good() && (rows.size() != 1 || rows[0] != ledger)) fail("the ledger is not that of the rows");
    if (good()) (void)tally({"check", data_});
  }

  const KillOptions options_;
  Random random_;
  TempDir work_;
  const std::string data_ = work_.file("shop");
  std::string header_;
  std::vector<Impression> rows_;
  std::unordered_map<std::string, uint32_t> by_id_;
  std::vector<std::pair<uint32_t, uint32_t>> batches_;
  std::vector<Job> jobs_;
  std::vector<bool> promised_;  // by row: an ack file has it
  KillResult result_;
};

}  // namespace

std::string KillResult::summary() const {
  return std::to_string(kills) + " kills in " + std::to_string(loads) + " loads, " + std::to_string(looks) +
         " looks; " + std::to_string(rows) + " rows, " + std::to_string(copies_acknowledged) +
         " copies acknowledged, " + std::to_string(copies_sent) + " sent at most, " + std::to_string(duplicates) +
         " duplicates";
}

KillResult run_kills(const KillOptions& options) { return KillRun(options).run(); }

}  // namespace tally
