/** Characters rejected in single-line text: controls, invisible formatting, line ends, lone surrogates. */
export const CONTROL_CHARS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
