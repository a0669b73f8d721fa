/** What is used of pdfkit 0.20, which brings no types. */
declare module 'pdfkit' {
  import type { Readable } from 'node:stream';

  type TextOptions = { width?: number; align?: 'left' | 'right'; lineBreak?: boolean; ellipsis?: boolean; height?: number };

  export default class PDFDocument extends Readable {
    constructor(options: { size: string; margin: number; compress?: boolean; info?: Record<string, string | Date> });
    readonly page: { width: number; height: number };
    y: number;
    font(name: string): this;
    fontSize(size: number): this;
    text(text: string, x: number, y: number, options?: TextOptions): this;
    moveTo(x: number, y: number): this;
    lineTo(x: number, y: number): this;
    lineWidth(width: number): this;
    stroke(): this;
    addPage(): this;
    end(): void;
  }
}
