// The words of the language, by the place where they may stand: for completion. Kept beside query/GRAMMAR.md by a test.
#pragma once

#include <string>
#include <vector>

namespace tally::vocabulary {

using Words = std::vector<std::string>;

const Words& statements();       // at the beginning
const Words& operands();         // where a value may stand, beside columns and functions
const Words& functions();        // with their opening parenthesis
const Words& after_operand();    // of a query, behind a value or a clause
const Words& of_create();        // anywhere in CREATE TABLE
const Words& of_alter();         // behind ALTER TABLE name
const Words& things_to_alter();  // behind ADD and DROP
const Words& types();            // of CAST and ::
const Words& things_to_set();    // behind SET
const Words& engine_measures();  // that every table has

// Words (in lower case) behind which a value is wanted.
bool wants_operand(const std::string& word);

}  // namespace tally::vocabulary
