//! Colours and formats. The verdict's word always stands in the cell, and trouble is dark while success is light. So a
//! greyscale print or a colour-blind reader loses nothing.

use rust_xlsxwriter::{
    Color, ConditionalFormatCell, ConditionalFormatCellRule, ConditionalFormatText,
    ConditionalFormatTextRule, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};

use super::cells::{NUMBER, TEXT, TIME};

/// The colours of a verdict.
#[derive(Debug, Clone, Copy)]
struct VerdictColour {
    word: &'static str,
    fill: u32,
    ink: u32,
}

/// The verdicts about groups and messages, worst first. In a cell with two verdicts, the worse one decides.
const VERDICT_COLOURS: [VerdictColour; 14] = [
    verdict_colour("dead_lettered", 0x007A_1F12, 0x00FF_FFFF),
    verdict_colour("retrying", 0x009A_4A08, 0x00FF_FFFF),
    verdict_colour("failed", 0x008A_1253, 0x00FF_FFFF),
    verdict_colour("open", 0x00B4_2318, 0x00FF_FFFF),
    verdict_colour("break", 0x00B4_2318, 0x00FF_FFFF),
    verdict_colour("absent", 0x006B_1D5C, 0x00FF_FFFF),
    verdict_colour("unanswered", 0x003F_3F46, 0x00FF_FFFF),
    verdict_colour("undetermined", 0x00FD_E68A, 0x005B_3A00),
    verdict_colour("unsubscribed", 0x00FD_E68A, 0x005B_3A00),
    verdict_colour("not_found", 0x00D4_D4D8, 0x0027_272A),
    verdict_colour("rejected", 0x00D4_D4D8, 0x0027_272A),
    verdict_colour("filtered", 0x00E5_EDF8, 0x001E_3A5F),
    verdict_colour("passed", 0x00E3_F4E8, 0x0014_532D),
    verdict_colour("reconciled", 0x00E3_F4E8, 0x0014_532D),
];

const HEAD_FILL: u32 = 0x001F_3A4D;
const HEAD_INK: u32 = 0x00FF_FFFF;
const LINE: u32 = 0x00C9_D1D9;
const QUIET_INK: u32 = 0x0052_5B66;

const fn verdict_colour(word: &'static str, fill: u32, ink: u32) -> VerdictColour {
    VerdictColour { word, fill, ink }
}

impl VerdictColour {
    fn format(self) -> Format {
        let format = Format::new()
            .set_background_color(Color::RGB(self.fill))
            .set_font_color(Color::RGB(self.ink));
        if self.is_dark() {
            format.set_bold()
        } else {
            format
        }
    }

    const fn is_dark(self) -> bool {
        self.ink == HEAD_INK
    }
}

/// The cell formats of a workbook.
#[derive(Debug)]
pub(super) struct SheetFormats {
    pub(super) head: Format,
    pub(super) number_head: Format,
    pub(super) title: Format,
    pub(super) section: Format,
    pub(super) wrapped: Format,
    pub(super) strong: Format,
    pub(super) quiet: Format,
    pub(super) number: Format,
    pub(super) share: Format,
    pub(super) time: Format,
    pub(super) link: Format,
    pub(super) complete: Format,
    pub(super) incomplete: Format,
}

impl SheetFormats {
    /// Registers the three styles of the large sheets, in this order, and returns the other formats.
    pub(super) fn begin(workbook: &mut Workbook) -> Self {
        let text = Format::new().set_num_format("@");
        let time = Format::new()
            .set_num_format("yyyy-mm-dd hh:mm:ss.000")
            .set_align(FormatAlign::Left);
        let number = Format::new().set_align(FormatAlign::Right).set_indent(1);
        for (style, format) in [(TEXT, &text), (TIME, &time), (NUMBER, &number)] {
            workbook.register_format(format);
            debug_assert!(style > 0, "0 is the style of all other cells");
        }
        let base = || Format::new().set_align(FormatAlign::Top);
        let text = || base().set_num_format("@");
        let named = |word: &str| {
            let colour = VERDICT_COLOURS.iter().find(|colour| colour.word == word);
            colour
                .map_or_else(Format::new, |colour| colour.format())
                .set_num_format("@")
        };
        let head = Format::new()
            .set_bold()
            .set_font_color(Color::RGB(HEAD_INK))
            .set_background_color(Color::RGB(HEAD_FILL))
            .set_align(FormatAlign::VerticalCenter)
            .set_text_wrap()
            .set_border_bottom(FormatBorder::Thin)
            .set_border_bottom_color(Color::RGB(LINE))
            .set_num_format("@");
        let beside_numbers = |format: Format| format.set_align(FormatAlign::Left).set_indent(1);
        Self {
            number_head: head.clone().set_align(FormatAlign::Right).set_indent(1),
            head: beside_numbers(head),
            title: text().set_bold().set_font_size(15).set_text_wrap(),
            section: text().set_bold().set_font_size(12),
            wrapped: beside_numbers(text()).set_text_wrap(),
            strong: beside_numbers(text()).set_bold(),
            quiet: text().set_font_color(Color::RGB(QUIET_INK)).set_text_wrap(),
            number: base()
                .set_num_format("#,##0")
                .set_align(FormatAlign::Right)
                .set_indent(1),
            share: base()
                .set_num_format("0.0 %")
                .set_align(FormatAlign::Right)
                .set_indent(1),
            time: beside_numbers(base()).set_num_format("yyyy-mm-dd hh:mm:ss"),
            link: beside_numbers(text()).set_hyperlink(),
            complete: named("reconciled").set_bold().set_text_wrap(),
            incomplete: named("break").set_text_wrap(),
        }
    }
}

/// A range of columns with verdicts, and whether a cell may hold several.
#[derive(Debug, Clone, Copy)]
pub(super) struct VerdictColumns {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) several: bool,
}

/// Colours the verdicts in the first `rows` rows below the heading.
pub(super) fn colour(
    sheet: &mut Worksheet,
    verdicts: VerdictColumns,
    rows: u32,
) -> Result<(), XlsxError> {
    for colour in VERDICT_COLOURS.into_iter().filter(|_| rows > 0) {
        let VerdictColumns { first, last, .. } = verdicts;
        if verdicts.several {
            let rule = ConditionalFormatTextRule::Contains(colour.word.to_owned());
            let condition = ConditionalFormatText::new()
                .set_rule(rule)
                .set_format(colour.format())
                .set_stop_if_true(true);
            sheet.add_conditional_format(1, first, rows, last, &condition)?;
        } else {
            let condition = ConditionalFormatCell::new()
                .set_rule(ConditionalFormatCellRule::EqualTo(colour.word))
                .set_format(colour.format());
            sheet.add_conditional_format(1, first, rows, last, &condition)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{MessageVerdict, Verdict};

    /// Returns the relative luminance as WCAG 2 defines it.
    fn luminance(colour: u32) -> f64 {
        let channel = |shift: u32| {
            let value = f64::from(colour >> shift & 0xFF) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn verdict_colours_are_readable_and_trouble_is_dark() {
        let groups = Verdict::ALL.map(Verdict::as_str);
        let messages = MessageVerdict::ALL.map(MessageVerdict::as_str);
        for word in groups.into_iter().chain(messages) {
            assert!(
                VERDICT_COLOURS.iter().any(|colour| colour.word == word),
                "{word}"
            );
        }
        for VerdictColour { word, fill, ink } in VERDICT_COLOURS {
            assert!(
                contrast(fill, ink) >= 4.5,
                "{word}: {}",
                contrast(fill, ink)
            );
            let is_trouble = [
                "open",
                "break",
                "absent",
                "unanswered",
                "dead_lettered",
                "retrying",
                "failed",
            ]
            .contains(&word);
            assert_eq!(luminance(fill) < 0.2, is_trouble, "{word}");
        }
        for (fill, ink) in [(HEAD_FILL, HEAD_INK), (0x00FF_FFFF, QUIET_INK)] {
            assert!(contrast(fill, ink) >= 4.5);
        }
    }
}
