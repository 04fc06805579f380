#include "engine/text/unicode.hpp"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <vector>

#include "base/error.hpp"

namespace p2p::engine::unicode {
namespace {

// The reference uses Unicode data of three versions: the pattern's classes from Oniguruma (Unicode 16), the lower case from Rust (17)
// and NFC from a crate with Unicode 9. ICU 72 has Unicode 15. The first two tables hold code points that ICU 72 leaves unassigned. With a
// newer ICU they are not used. All code points were compared.
struct Range {
  char32_t first, last;
};

constexpr Range kNewLetters[] = {{0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3}, {0x10D4A, 0x10D65},
                                 {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x11380, 0x11389}, {0x1138B, 0x1138B}, {0x1138E, 0x1138E},
                                 {0x11390, 0x113B5}, {0x113B7, 0x113B7}, {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0},
                                 {0x13460, 0x143FA}, {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x18CFF, 0x18CFF}, {0x1E5D0, 0x1E5ED},
                                 {0x1E5F0, 0x1E5F0}, {0x2EBF0, 0x2EE5D}};

constexpr Range kNewNumbers[] = {{0x10D40, 0x10D49}, {0x116D0, 0x116E3}, {0x11BF0, 0x11BF9}, {0x16130, 0x16139},
                                 {0x16D70, 0x16D79}, {0x1CCF0, 0x1CCF9}, {0x1E5F1, 0x1E5FA}};

struct LowerCase {
  char32_t first, last, lower_of_first;
};

constexpr LowerCase kNewLowerCase[] = {
    {0x1C89, 0x1C89, 0x1C8A}, {0xA7CB, 0xA7CB, 0x264},  {0xA7CC, 0xA7CC, 0xA7CD}, {0xA7CE, 0xA7CE, 0xA7CF},    {0xA7D2, 0xA7D2, 0xA7D3},
    {0xA7D4, 0xA7D4, 0xA7D5}, {0xA7DA, 0xA7DA, 0xA7DB}, {0xA7DC, 0xA7DC, 0x19B},  {0x10D50, 0x10D65, 0x10D70}, {0x16EA0, 0x16EB8, 0x16EBB}};

template <class Table>
auto find(const Table& table, char32_t c) {
  const auto found = std::ranges::find_if(table, [c](const auto& range) { return range.first <= c && c <= range.last; });
  return found == std::end(table) ? nullptr : &*found;
}

UChar32 icu_char(char32_t c) { return static_cast<UChar32>(c); }

char32_t lower(char32_t c) {
  if (u_charType(icu_char(c)) == U_UNASSIGNED) {
    if (const LowerCase* range = find(kNewLowerCase, c)) return range->lower_of_first + (c - range->first);
  }
  return static_cast<char32_t>(u_tolower(icu_char(c)));
}

void check(UErrorCode status) {
  if (U_FAILURE(status)) throw Error(std::string("ICU: ") + u_errorName(status));
}

/// NFC of Unicode 9: later characters are neither composed nor reordered.
class Nfc {
 public:
  static const Nfc& instance() {
    static const Nfc kInstance;
    return kInstance;
  }

  icu::UnicodeString operator()(std::u32string_view text) const {
    UErrorCode status = U_ZERO_ERROR;
    icu::UnicodeString result;
    filtered_.normalize(ordered_decomposition(text), result, status);
    check(status);
    return result;
  }

 private:
  Nfc() : nfc_(*icu::Normalizer2::getNFCInstance(status_)), known_(u"[:age=9.0:]", status_), filtered_(nfc_, known_) {
    check(status_);
    known_.freeze();
  }

  /// Avoids the quadratic time of ICU for a long run of combining marks.
  icu::UnicodeString ordered_decomposition(std::u32string_view text) const {
    icu::UnicodeString result;
    std::vector<std::tuple<std::uint8_t, std::size_t, UChar32>> marks;  // class, place, code point
    const auto flush = [&] {
      std::ranges::sort(marks);
      for (const auto& mark : marks) result.append(std::get<UChar32>(mark));
      marks.clear();
    };
    icu::UnicodeString parts;
    for (const char32_t c : text) {
      if (!known_.contains(icu_char(c)) || !nfc_.getDecomposition(icu_char(c), parts)) parts = icu_char(c);
      for (std::int32_t i = 0; i < parts.length(); i = parts.moveIndex32(i, 1)) {
        const UChar32 part = parts.char32At(i);
        const std::uint8_t order = known_.contains(part) ? u_getCombiningClass(part) : std::uint8_t{0};
        if (order == 0) {
          flush();
          result.append(part);
        } else {
          marks.emplace_back(order, marks.size(), part);
        }
      }
    }
    flush();
    return result;
  }

  UErrorCode status_ = U_ZERO_ERROR;
  const icu::Normalizer2& nfc_;
  icu::UnicodeSet known_;
  icu::FilteredNormalizer2 filtered_;
};

std::u32string code_points(const icu::UnicodeString& text) {
  std::u32string result;
  result.reserve(static_cast<std::size_t>(text.length()));
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) result += static_cast<char32_t>(text.char32At(i));
  return result;
}

}  // namespace

Kind kind(char32_t c) {
  if (u_isUWhiteSpace(icu_char(c))) return Kind::space;
  const auto mask = U_GET_GC_MASK(icu_char(c));
  if ((mask & U_GC_L_MASK) != 0) return Kind::letter;
  if ((mask & U_GC_N_MASK) != 0) return Kind::number;
  if ((mask & U_GC_CN_MASK) != 0) {
    if (find(kNewLetters, c)) return Kind::letter;
    if (find(kNewNumbers, c)) return Kind::number;
  }
  return Kind::other;
}

bool is_word(char32_t c) {
  return kind(c) == Kind::letter || u_isUAlphabetic(icu_char(c)) || u_hasBinaryProperty(icu_char(c), UCHAR_JOIN_CONTROL) ||
         (U_GET_GC_MASK(icu_char(c)) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0;
}

std::u32string decode(std::string_view text) {
  return code_points(icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size()))));
}

std::string encode(std::u32string_view text) {
  icu::UnicodeString units;
  for (const char32_t c : text) units.append(icu_char(c));
  std::string result;
  return units.toUTF8String(result);
}

std::u32string normalize(std::u32string_view text) {
  const std::u32string composed = code_points(Nfc::instance()(text));
  std::u32string result;
  result.reserve(composed.size());
  for (std::size_t i = 0; i < composed.size(); ++i) {
    const char32_t c = composed[i];
    if (kind(c) == Kind::space) {
      if (i == 0 || kind(composed[i - 1]) != Kind::space) result += U' ';
    } else if (c == U'\u0130') {  // the one code point whose lower case is two
      result += U"i\u0307";
    } else {
      result += lower(c);
    }
  }
  return result;
}

}  // namespace p2p::engine::unicode
