// Language and colours, as the viewer chose them; without a choice the browser's own.
import { setLanguage } from './texts.js';

export const LANGUAGES = { en: 'English', ko: '한국어' };
export const THEMES = ['auto', 'light', 'dark'];

export function chosenLanguage() {
  const stored = read('language');
  if (stored in LANGUAGES) return stored;
  return navigator.language.toLowerCase().startsWith('ko') ? 'ko' : 'en';
}

export function chosenTheme() {
  const stored = read('theme');
  return THEMES.includes(stored) ? stored : 'auto';
}

export function chooseLanguage(language) {
  write('language', language);
  apply();
}

export function chooseTheme(theme) {
  write('theme', theme);
  apply();
}

export function apply() {
  const root = document.documentElement;
  setLanguage(chosenLanguage());
  root.lang = chosenLanguage();
  root.dataset.theme = chosenTheme();
}

// For browsers that keep nothing: the choice is good until the page is loaded again.
const memory = {};

function read(name) {
  if (name in memory) return memory[name];
  try {
    return localStorage.getItem(name) ?? '';
  } catch {
    return '';
  }
}

function write(name, value) {
  memory[name] = value;
  try {
    localStorage.setItem(name, value);
  } catch {
    // Kept in memory only.
  }
}
