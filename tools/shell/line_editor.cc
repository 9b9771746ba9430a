#include "tools/shell/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>

#include "tools/terminal_size.h"
#include "tools/terminal_text.h"
#include "tools/whole_writes.h"

namespace tally {

namespace {

constexpr int kHistoryEntries = 10'000;
constexpr size_t kPasteCharactersMax = 16 << 20;
constexpr std::wstring_view kPasteEnd = L"\x1b[201~";
constexpr const char* kPasteOn = "\x1b[?2004h";
constexpr const char* kPasteOff = "\x1b[?2004l";

std::wstring to_wide(std::string_view text) {
  const std::u32string characters = to_characters(text);
  return {characters.begin(), characters.end()};
}

std::string from_wide(std::wstring_view text) { return from_characters(std::u32string(text.begin(), text.end())); }

// libedit draws in the character set of the locale, and what we write is UTF-8 in any.
void use_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

bool marks_pastes() {
  const char* terminal = std::getenv("TERM");
  return terminal != nullptr && std::string_view(terminal) != "dumb" && *terminal != '\0';
}

// How many bytes the UTF-8 character takes that begins so; 0: none does.
size_t length_of_character(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

class LibeditEditor final : public LineEditor {
 public:
  LibeditEditor(SignalInbox& signals, Complete complete)
      : signals_(signals),
        complete_(std::move(complete)),
        marks_pastes_(marks_pastes()),
        screen_(whole_stream(STDOUT_FILENO)),
        input_(::open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) {
    use_utf8();
    history_ = history_winit();
    HistEventW event;
    history_w(history_, &event, H_SETSIZE, kHistoryEntries);
    history_w(history_, &event, H_SETUNIQUE, 1);
    TALLY_CHECK(history_ != nullptr && screen_ != nullptr);
    editor_ = el_init_fd("tally", stdin, screen_.get(), stderr, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO);
    TALLY_CHECK(editor_ != nullptr);
    el_wset(editor_, EL_CLIENTDATA, this);
    el_wset(editor_, EL_EDITOR, L"emacs");
    el_wset(editor_, EL_SIGNAL, 0);
    el_wset(editor_, EL_PROMPT, prompt_of);
    el_wset(editor_, EL_HIST, history_w, history_);
    el_wset(editor_, EL_GETCFN, read_character);
    bind_keys();
    el_source(editor_, nullptr);
  }
  ~LibeditEditor() override {
    el_end(editor_);
    history_wend(history_);
    if (input_ >= 0) ::close(input_);
  }

  EditedLine read(std::string_view prompt) override {
    prompt_ = to_wide(prompt);
    interrupted_ = false;
    signals_.take_interrupt();
    if (signals_.take_resize()) el_resize(editor_);
    signals_.catch_suspend(true);
    if (marks_pastes_) put(kPasteOn);
    el_wset(editor_, EL_PREP_TERM, 1);  // before the prompt shows: what is typed from then on is for the editor
    int count = 0;
    const wchar_t* line = el_wgets(editor_, &count);
    if (marks_pastes_) put(kPasteOff);
    signals_.catch_suspend(false);
    if (interrupted_) {
      put("^C\n");
      return {.kind = EditedLine::Kind::kInterrupted, .text = {}};
    }
    if (line == nullptr || count <= 0) {
      put("\n");
      return {};
    }
    std::wstring_view text(line, static_cast<size_t>(count));
    if (text.ends_with(L'\n')) text.remove_suffix(1);
    return {.kind = EditedLine::Kind::kLine, .text = from_wide(text)};
  }

  void remember(std::string_view entry) override {
    HistEventW event;
    history_w(history_, &event, H_ENTER, to_wide(entry).c_str());
  }

 private:
  static LibeditEditor& self(EditLine* editor) {
    void* data = nullptr;
    el_wget(editor, EL_CLIENTDATA, &data);
    return *static_cast<LibeditEditor*>(data);
  }
  void put(const char* text) {
    std::fputs(text, screen_.get());
    std::fflush(screen_.get());
  }
  static wchar_t* prompt_of(EditLine* editor) { return self(editor).prompt_.data(); }

  void bind_keys() {
    el_wset(editor_, EL_ADDFN, L"tally-complete", L"Complete the word before the cursor", on_tab);
    el_wset(editor_, EL_ADDFN, L"tally-paste", L"Take a paste as it is", on_paste);
    constexpr std::array<std::array<const wchar_t*, 2>, 14> kKeys{{
        {L"^I", L"tally-complete"},
        {L"\\e[200~", L"tally-paste"},
        {L"^W", L"ed-delete-prev-word"},
        {L"^U", L"vi-kill-line-prev"},
        {L"\\e[3~", L"ed-delete-next-char"},
        {L"\\e[1~", L"ed-move-to-beg"},
        {L"\\e[4~", L"ed-move-to-end"},
        {L"\\e[H", L"ed-move-to-beg"},
        {L"\\e[F", L"ed-move-to-end"},
        {L"\\eOH", L"ed-move-to-beg"},
        {L"\\eOF", L"ed-move-to-end"},
        {L"\\e[1;5C", L"em-next-word"},
        {L"\\e[1;5D", L"ed-prev-word"},
        {L"^R", L"em-inc-search-prev"},
    }};
    for (const auto& [key, function] : kKeys) el_wset(editor_, EL_BIND, key, function, nullptr);
  }

  // What came while a key was waited for. False: the line is over.
  bool take_signals() {
    if (signals_.ended()) return false;
    if (signals_.take_interrupt()) {
      interrupted_ = true;
      draw_again(true);  // what follows stands behind the text
      return false;
    }
    if (signals_.take_resize()) {
      el_resize(editor_);
      draw_again(false);
    }
    if (signals_.take_suspend()) {
      el_wset(editor_, EL_PREP_TERM, 0);
      if (marks_pastes_) put(kPasteOff);
      signals_.suspend_now();
      if (marks_pastes_) put(kPasteOn);
      el_wset(editor_, EL_PREP_TERM, 1);
      el_wset(editor_, EL_REFRESH);
    }
    return true;
  }

  // Rows that the prompt and `text` take behind the first.
  size_t rows_of(std::wstring_view text) const {
    const size_t columns = std::max<size_t>(terminal_size().columns, 1);
    size_t rows = 0, width = prompt_.size();
    for (const wchar_t c : text) {
      if (c == L'\n') {
        rows += width / columns + 1;
        width = 0;
      } else {
        width += display_width(from_wide({&c, 1}));
      }
    }
    return rows + width / columns;
  }

  // From where the prompt begins, as a terminal stands that has broken the lines anew.
  void draw_again(bool to_the_end) {
    const LineInfoW* line = el_wline(editor_);
    const size_t rows = rows_of({line->buffer, static_cast<size_t>(line->cursor - line->buffer)});
    if (to_the_end) el_cursor(editor_, static_cast<int>(line->lastchar - line->cursor));
    put(("\r" + (rows > 0 ? "\x1b[" + std::to_string(rows) + "A" : std::string()) + "\x1b[J").c_str());
    el_wset(editor_, EL_REFRESH);
  }

  // 1: a byte; 0: the end, or the line is over. What was typed may be gone when it is read: Ctrl-C throws it away, and its signal
  // has come by then. So the read must not wait, and has a way of its own to the terminal, as others share standard input.
  int read_byte(unsigned char& byte) {
    while (true) {
      if (!take_signals()) return 0;
      if (signals_.wait(std::nullopt, STDIN_FILENO) != SignalInbox::Woken::kOther) continue;
      const ssize_t count = ::read(input_ >= 0 ? input_ : STDIN_FILENO, &byte, 1);
      if (count == 1) return 1;
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      return 0;
    }
  }

  // A byte that begins no character, and a character that breaks off, become U+FFFD.
  static int read_character(EditLine* editor, wchar_t* out) {
    LibeditEditor& me = self(editor);
    std::string bytes(1, '\0');
    auto& first = reinterpret_cast<unsigned char&>(bytes[0]);
    if (me.has_byte_) {
      first = me.byte_;
      me.has_byte_ = false;
    } else if (me.read_byte(first) != 1) {
      return 0;
    }
    for (size_t wanted = length_of_character(first); bytes.size() < wanted;) {
      unsigned char next = 0;
      if (me.read_byte(next) != 1) return 0;
      if ((next & 0xC0) != 0x80) {
        me.byte_ = next;
        me.has_byte_ = true;
        break;
      }
      bytes += static_cast<char>(next);
    }
    *out = to_wide(bytes).front();
    return 1;
  }

  bool more_is_typed() const {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    return has_byte_ || ::poll(&input, 1, 0) > 0;
  }

  // A tab with more right behind it was not typed but pasted.
  static unsigned char on_tab(EditLine* editor, wint_t) {
    LibeditEditor& me = self(editor);
    if (me.more_is_typed()) return el_winsertstr(editor, L" ") == 0 ? CC_REFRESH : CC_ERROR;
    const LineInfoW* line = el_wline(editor);
    const std::string before = from_wide({line->buffer, static_cast<size_t>(line->cursor - line->buffer)});
    const std::string behind = from_wide({line->cursor, static_cast<size_t>(line->lastchar - line->cursor)});
    const Completions completions = me.complete_(before, behind);
    const CompletionStep step = completion_step(completions, before);
    if (step.list) {
      me.put("\n");
      me.put(choice_list(completions, terminal_size().columns).c_str());
      return CC_REDISPLAY;
    }
    if (step.text.empty()) return CC_REFRESH_BEEP;
    const std::string replaced = before.substr(before.size() - completions.replaces);
    el_deletestr(editor, static_cast<int>(to_wide(replaced).size()));
    return el_winsertstr(editor, to_wide(step.text).c_str()) == 0 ? CC_REFRESH : CC_ERROR;
  }

  // Terminals send line ends of a paste as carriage returns. Those at its end would only move the cursor away.
  static unsigned char on_paste(EditLine* editor, wint_t) {
    std::wstring text;
    wchar_t character = 0;
    while (text.size() < kPasteCharactersMax && !text.ends_with(kPasteEnd)) {
      if (el_wgetc(editor, &character) != 1) return CC_EOF;
      if (character == L'\n' && text.ends_with(L'\r')) continue;
      text += character;
    }
    if (text.ends_with(kPasteEnd)) text.resize(text.size() - kPasteEnd.size());
    for (wchar_t& c : text) {
      if (c == L'\r') c = L'\n';
      if (c == L'\t' || c == L'\0') c = L' ';
    }
    while (text.ends_with(L'\n')) text.pop_back();
    if (text.empty()) return CC_NORM;
    return el_winsertstr(editor, text.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
  }

  SignalInbox& signals_;
  const Complete complete_;
  const bool marks_pastes_;
  const Stream screen_;  // libedit's too
  const int input_;      // the terminal again, for reads that do not wait; -1: it may not be opened
  EditLine* editor_ = nullptr;
  HistoryW* history_ = nullptr;
  std::wstring prompt_;
  bool interrupted_ = false;
  bool has_byte_ = false;  // one that was read with the character before it, and does not belong to it
  unsigned char byte_ = 0;
};

}  // namespace

std::unique_ptr<LineEditor> LineEditor::make(SignalInbox& signals, Complete complete) {
  return std::make_unique<LibeditEditor>(signals, std::move(complete));
}

}  // namespace tally
