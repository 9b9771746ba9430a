// The EBNF of query/GRAMMAR.md is read, sentences are made from it by chance, and the parser must take every one: the page
// promises nothing that the parser refuses. Every alternative and every option of the page is used at least once.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "base/random.h"
#include "query/parser.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

struct Node {
  enum class Kind : uint8_t { kTerminal, kRule, kSequence, kChoice, kOption, kRepeat } kind = Kind::kSequence;
  std::string text;  // of a terminal or rule
  std::vector<std::unique_ptr<Node>> children;
  unsigned height = 1000;         // of the lowest tree below
  mutable std::set<size_t> used;  // alternatives taken; of an option or repeat: 0 left out, 1 taken
};
using NodePtr = std::unique_ptr<Node>;

std::string ebnf_of_the_page() {
  std::ifstream in("query/GRAMMAR.md", std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  const std::string page = text.str();
  const size_t begin = page.find("```ebnf\n") + 8;
  return page.substr(begin, page.find("```", begin) - begin);
}

class EbnfReader {
 public:
  explicit EbnfReader(std::string text) : text_(std::move(text)) { take(); }

  std::map<std::string, NodePtr> rules() {
    std::map<std::string, NodePtr> rules;
    while (!now_.empty()) {
      const std::string name = take();
      REQUIRE(take() == "=");
      REQUIRE_MESSAGE(rules.emplace(name, choice()).second, name);
      REQUIRE_MESSAGE(take() == ";", name);
    }
    return rules;
  }

 private:
  std::string take() {
    std::string taken = std::move(now_);
    now_.clear();
    skip_space();
    if (at_ == text_.size()) return taken;
    size_t end = at_ + 1;
    if (text_[at_] == '"') {
      end = text_.find('"', end) + 1;
    } else if (std::isalpha(static_cast<unsigned char>(text_[at_])) != 0) {
      while (end < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[end])) != 0 || text_[end] == '_'))
        ++end;
    }
    now_ = text_.substr(at_, end - at_);
    at_ = end;
    return taken;
  }

  void skip_space() {
    while (at_ < text_.size()) {
      if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
        ++at_;
      } else if (text_.compare(at_, 2, "(*") == 0) {
        at_ = text_.find("*)", at_) + 2;
      } else {
        return;
      }
    }
  }

  static NodePtr make(Node::Kind kind, std::string text = {}) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->text = std::move(text);
    return node;
  }

  NodePtr choice() {
    NodePtr node = make(Node::Kind::kChoice);
    node->children.push_back(sequence());
    while (now_ == "|") {
      take();
      node->children.push_back(sequence());
    }
    return node;
  }

  NodePtr sequence() {
    NodePtr node = make(Node::Kind::kSequence);
    while (now_ != "|" && now_ != ";" && now_ != ")" && now_ != "]" && now_ != "}") node->children.push_back(item());
    return node;
  }

  NodePtr item() {
    const std::string token = take();
    REQUIRE(!token.empty());
    if (token == "(") return closed(choice(), ")");
    if (token == "[" || token == "{") {
      NodePtr node = make(token == "[" ? Node::Kind::kOption : Node::Kind::kRepeat);
      node->children.push_back(closed(choice(), token == "[" ? "]" : "}"));
      return node;
    }
    if (token.front() == '"') return make(Node::Kind::kTerminal, token.substr(1, token.size() - 2));
    return make(Node::Kind::kRule, token);
  }

  NodePtr closed(NodePtr node, std::string_view end) {
    REQUIRE(take() == end);
    return node;
  }

  std::string text_, now_;
  size_t at_ = 0;
};

class SentenceMaker {
 public:
  explicit SentenceMaker(uint64_t seed) : rules_(EbnfReader(ebnf_of_the_page()).rules()), random_(seed) {
    for (bool changed = true; changed;) {
      changed = false;
      for (auto& [name, node] : rules_) changed = measure(*node) || changed;
    }
  }

  std::string sentence() {
    out_.clear();
    make(*rules_.at("statement"), 24);
    return out_;
  }

  void check_everything_was_used() const {
    for (const auto& [name, node] : rules_) check_used(name, *node);
  }

 private:
  // What is no rule of the page: words of their own.
  std::string word(const std::string& name) {
    auto one_of = [this](std::initializer_list<const char*> words) {
      return std::string(words.begin()[random_.below(words.size())]);
    };
    if (name == "name") return one_of({"a", "b2", "_c", "Ünïcode", "\"Select\"", "\"two words\"", "hour", "events"});
    if (name == "string") return one_of({"''", "'x'", "'it''s'", "'7 days'", "'%_'"});
    if (name == "number") return one_of({"0", "1", "1.5", ".5", "1e3", "12345678901234567890"});
    if (name == "integer") return one_of({"1", "14", "1000"});
    if (name == "parameter") return one_of({"$1", "$23"});
    if (name == "p") return "18";
    if (name == "s") return one_of({"0", "6"});
    FAIL("the page has no rule for ", name);
    return {};
  }

  // Whether the node's height became lower.
  bool measure(Node& node) {
    unsigned height = node.kind == Node::Kind::kChoice ? 1000 : 0;
    bool changed = false;
    for (NodePtr& child : node.children) {
      changed = measure(*child) || changed;
      height = node.kind == Node::Kind::kChoice ? std::min(height, child->height) : std::max(height, child->height);
    }
    if (node.kind == Node::Kind::kOption || node.kind == Node::Kind::kRepeat) height = 0;
    if (node.kind == Node::Kind::kRule) {
      auto rule = rules_.find(node.text);
      height = rule == rules_.end() ? 1 : rule->second->height + 1;
    }
    changed = changed || height < node.height;
    node.height = std::min(node.height, height);
    return changed;
  }

  void make(const Node& node, unsigned room) {
    switch (node.kind) {
      case Node::Kind::kTerminal: out_ += node.text + " "; break;
      case Node::Kind::kRule: {
        auto rule = rules_.find(node.text);
        if (rule == rules_.end()) {
          out_ += word(node.text) + " ";
        } else {
          make(*rule->second, room == 0 ? 0 : room - 1);
        }
        break;
      }
      case Node::Kind::kSequence:
        for (const NodePtr& child : node.children) make(*child, room);
        break;
      case Node::Kind::kChoice: make_choice(node, room); break;
      case Node::Kind::kOption:
      case Node::Kind::kRepeat: {
        const bool fits = node.children[0]->height <= room;
        const uint64_t times =
            fits && random_.below(3) == 0 ? 1 + (node.kind == Node::Kind::kRepeat ? random_.below(2) : 0) : 0;
        node.used.insert(times > 0 ? 1 : 0);
        for (unsigned i = 0; i < times; ++i) make(*node.children[0], room);
      }
    }
  }

  void make_choice(const Node& node, unsigned room) {
    std::vector<size_t> fitting;
    for (size_t i = 0; i < node.children.size(); ++i) {
      if (node.children[i]->height <= std::max(room, node.height)) fitting.push_back(i);
    }
    const size_t chosen = fitting[random_.below(fitting.size())];
    node.used.insert(chosen);
    make(*node.children[chosen], room);
  }

  static void check_used(const std::string& rule, const Node& node) {
    const bool optional = node.kind == Node::Kind::kOption || node.kind == Node::Kind::kRepeat;
    const size_t ways = node.kind == Node::Kind::kChoice ? node.children.size() : optional ? 2 : 0;
    CHECK_MESSAGE(node.used.size() == ways, "in the rule ", rule, " only ", node.used.size(), " of ", ways,
                  " ways came up");
    for (const NodePtr& child : node.children) check_used(rule, *child);
  }

  std::map<std::string, NodePtr> rules_;
  Random random_;
  std::string out_;
};

}  // namespace

TEST_CASE("grammar: the parser reads every sentence of the EBNF in query/GRAMMAR.md") {
  SentenceMaker maker(test_seed(20240315));
  for (int i = 0; i < 30'000; ++i) {
    const std::string sentence = maker.sentence();
    auto parsed = parse_statement(sentence);
    if (parsed) continue;
    // What the page says beside the rules: bounds, and options that stand once.
    if (parsed.error().code == Code::kLimitExceeded || parsed.error().message.ends_with("is there twice")) continue;
    FAIL_CHECK(parsed.error().message, " at ", parsed.error().offset.value_or(0), ": ", sentence);
    break;
  }
  maker.check_everything_was_used();
}

}  // namespace tally
