/** No line of text for people has these: controls, invisible formatting, line ends, halves of surrogate pairs. */
export const NOT_IN_A_LINE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
