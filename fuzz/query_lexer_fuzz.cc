// Any text to tokens. Tokens come in order, do not overlap, and give the text again with what stands between them; their
// values hold no more than their text; splitting a script ends, and its statements are pieces of it in order.
#include <cstdint>
#include <string>
#include <string_view>

#include "query/lexer.h"
#include "query/query.h"

namespace tally {
namespace {

void lex(std::string_view text) {
  Lexer lexer(text);
  size_t at = 0;
  while (true) {
    auto token = lexer.next();
    if (!token) {
      if (token.error().offset.value_or(UINT32_MAX) > text.size() || token.error().message.empty()) __builtin_trap();
      return;
    }
    const bool inside = token->offset >= at && token->end() <= text.size();
    if (!inside || text.substr(token->offset, token->text.size()) != token->text) __builtin_trap();
    if (token->value().size() > token->text.size() || token->describe().empty()) __builtin_trap();
    if (token->kind == TokenKind::kEnd) return;
    if (token->text.empty()) __builtin_trap();
    at = token->end();
  }
}

void split(std::string_view text) {
  const char* at = text.data();
  for (std::string_view statement : split_statements(text).statements) {
    if (statement.data() < at || statement.data() + statement.size() > text.data() + text.size()) __builtin_trap();
    at = statement.data() + statement.size();
  }
}

}  // namespace
}  // namespace tally

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tally;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  lex(text);
  split(text);
  if (!check_text(text)) return 0;
  locate(text, static_cast<uint32_t>(size / 2));
  return 0;
}
