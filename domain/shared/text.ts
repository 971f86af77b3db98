/** No line of text for people has these: controls, invisible formatting, line ends, halves of surrogate pairs. */
export const CONTROL_CHARS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
